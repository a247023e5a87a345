;; Traps: an element segment that lies beyond its table.
(component
  (core module $m
    (table 2 funcref)
    (elem (i32.const 1) func $f $f)
    (func $f)
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
