;; Floods: a chunk of 600,000 bytes and a result of as many. Each is within the limit, both are not.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $libc (memory (export "memory") 10))
  (core instance $libc (instantiate $libc))
  (core func $emit (canon lower (func $progress "emit") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 10))
    (import "host" "emit" (func $emit (param i32 i32)))
    (func (export "run") (result i32)
      (memory.fill (i32.const 0) (i32.const 0x41) (i32.const 600000))
      (call $emit (i32.const 0) (i32.const 600000))
      (i32.store (i32.const 600004) (i32.const 600000))
      (i32.const 600000)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "emit" (func $emit))))))
  (func (export "run") (result string) (canon lift (core func $i "run") (memory (core memory $libc "memory")))))
