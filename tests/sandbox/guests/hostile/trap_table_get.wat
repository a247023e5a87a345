;; Traps: reads a table beyond its end.
(component
  (core module $m
    (table $t 2 funcref)
    (func (export "run") (result i32) (ref.is_null (table.get $t (i32.const 2)))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
