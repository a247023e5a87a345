;; Time: endless tail calls through a table, with fuel for a day. The clock ends them.
(component
  (core module $m
    (type $f (func))
    (table $t funcref (elem $again))
    (func $again (return_call_indirect $t (type $f) (i32.const 0)))
    (func (export "run") (call $again)))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
