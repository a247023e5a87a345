;; ABI: a `result` whose discriminant is right in its lowest byte and wrong above: 256 is not 0.
(component
  (core module $m (func (export "run") (result i32) (i32.const 256)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (result)) (canon lift (core func $i "run"))))
