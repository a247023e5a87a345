;; Traps: calls a function of one number as one of two.
(component
  (core module $m
    (type $two (func (param i64 i64) (result i64)))
    (table funcref (elem $one))
    (func $one (param i32) (result i32) (local.get 0))
    (func (export "run") (result i64)
      (call_indirect (type $two) (i64.const -1) (i64.const -1) (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
