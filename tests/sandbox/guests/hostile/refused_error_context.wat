;; Refused: an error context in a signature.
(component
  (core module $m (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (result error-context) (canon lift (core func $i "run"))))
