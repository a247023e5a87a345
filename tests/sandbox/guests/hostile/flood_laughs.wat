;; Floods: lists in lists in lists, each of 4,096 times the same list: 2^48 elements out of 100 KB.
(component
  (core module $m
    (memory (export "memory") 4)
    ;; 4,096 times (pointer to `at`, length 4096), written to `to`.
    (func $level (param $to i32) (param $at i32) (local $end i32)
      (local.set $end (i32.add (local.get $to) (i32.const 32768)))
      (loop
        (i32.store (local.get $to) (local.get $at))
        (i32.store offset=4 (local.get $to) (i32.const 4096))
        (br_if 0 (i32.lt_u
          (local.tee $to (i32.add (local.get $to) (i32.const 8)))
          (local.get $end)))))
    (func (export "run") (result i32)
      (call $level (i32.const 0x10000) (i32.const 0))
      (call $level (i32.const 0x18000) (i32.const 0x10000))
      (call $level (i32.const 0x20000) (i32.const 0x18000))
      (i32.store (i32.const 0x30000) (i32.const 0x20000))
      (i32.store (i32.const 0x30004) (i32.const 4096))
      (i32.const 0x30000)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list (list (list (list bool)))))
    (canon lift (core func $i "run") (memory (core memory $i "memory")))))
