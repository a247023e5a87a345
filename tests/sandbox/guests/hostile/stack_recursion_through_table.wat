;; Stack: recursion that no call graph shows, through a table.
(component
  (core module $m
    (type $f (func (param i64) (result i64)))
    (table funcref (elem $again))
    (func $again (type $f)
      (i64.xor (local.get 0)
        (call_indirect (type $f) (i64.add (local.get 0) (i64.const 1)) (i32.const 0))))
    (func (export "run") (result i64) (call $again (i64.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
