;; Says too much: `say` answers a text of so many bytes (in JSON, two quotes more); `flood` hands the
;; caller chunks of 1 KiB without end.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "emit" (func (param "chunk" string)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $emit (canon lower (func $progress "emit") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "emit" (func $emit (param i32 i32)))
    (func (export "say") (param $bytes i32) (result i32)
      (if (i32.eq (i32.const -1)
            (memory.grow (i32.div_u (i32.add (local.get $bytes) (i32.const 0xffff)) (i32.const 0x10000))))
        (then unreachable))
      (memory.fill (i32.const 16) (i32.const 0x61) (local.get $bytes))
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (local.get $bytes))
      (i32.const 0))
    (func (export "flood")
      (memory.fill (i32.const 0) (i32.const 0x61) (i32.const 1024))
      (loop (call $emit (i32.const 0) (i32.const 1024)) (br 0))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "emit" (func $emit))))))
  (func (export "say") (param "bytes" u32) (result string)
    (canon lift (core func $i "say") (memory (core memory $libc "memory"))))
  (func (export "flood") (canon lift (core func $i "flood"))))
