;; Leftovers: fills the stack by recursion, and then looks at locals that were never set. They are
;; zero, whatever the stack held before.
(component
  (core module $m
    (func $dirty (param i32 i64) (result i64)
      (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
      (i64.xor
        (call $dirty (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 3)))
        (local.get 1)))
    (func $look (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64) (local $n i32)
      (loop
        (local.set 0 (i64.or (local.get 0) (local.get 1)))
        (local.set 1 (i64.or (local.get 1) (local.get 2)))
        (local.set 2 (i64.or (local.get 2) (local.get 3)))
        (local.set 3 (i64.or (local.get 3) (local.get 4)))
        (local.set 4 (i64.or (local.get 4) (local.get 5)))
        (local.set 5 (i64.or (local.get 5) (local.get 6)))
        (local.set 6 (i64.or (local.get 6) (local.get 7)))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 10))))
      (local.get 0))
    (func (export "run") (result i64)
      (drop (call $dirty (i32.const 1000) (i64.const -1)))
      (call $look)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
