;; Refused: a future in a signature.
(component
  (core module $m (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (result (future string)) (canon lift (core func $i "run"))))
