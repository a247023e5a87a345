;; Tables: asks for 2^32 - 1 elements in one step. Each costs a unit of fuel, granted or not.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "run") (result i32)
      (table.grow $t (ref.null func) (i32.const -1))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
