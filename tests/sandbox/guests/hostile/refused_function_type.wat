;; Refused: a function body that leaves the wrong type: the validator's everyday work.
(component
  (core module $m (func (export "run") (result i32) (i64.const 1)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
