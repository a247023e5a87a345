;; Traps: calls through a table where there is no function.
(component
  (core module $m
    (type $f (func))
    (table 2 funcref)
    (func (export "run") (call_indirect (type $f) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
