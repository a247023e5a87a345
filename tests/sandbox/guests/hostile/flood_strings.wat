;; Floods: a list of 1,000 strings that are all the same 64 KiB of memory: 64 MB out of 73 KB.
(component
  (core module $m
    (memory (export "memory") 2)
    (func (export "run") (result i32) (local $at i32)
      (local.set $at (i32.const 0x10000))
      (loop
        (i32.store offset=4 (local.get $at) (i32.const 0x10000))
        (br_if 0 (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 8)))
          (i32.const 0x11f40))))
      (i32.store (i32.const 0x1fff8) (i32.const 0x10000))
      (i32.store (i32.const 0x1fffc) (i32.const 1000))
      (i32.const 0x1fff8)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list string)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
