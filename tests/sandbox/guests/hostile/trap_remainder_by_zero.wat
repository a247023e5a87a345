;; Traps: takes the remainder of a division by zero.
(component
  (core module $m
    (func (export "run") (result i32) (i32.rem_u (i32.const 1) (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
