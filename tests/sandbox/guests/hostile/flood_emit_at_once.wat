;; Floods: one chunk of 2 MiB.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $libc (memory (export "memory") 32))
  (core instance $libc (instantiate $libc))
  (core func $emit (canon lower (func $progress "emit") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "emit" (func $emit (param i32 i32)))
    (func (export "run") (call $emit (i32.const 0) (i32.const 0x200000))))
  (core instance $i (instantiate $m (with "host" (instance (export "emit" (func $emit))))))
  (func (export "run") (canon lift (core func $i "run"))))
