;; Refused: a table of 64-bit indices.
(component
  (core module $m (table i64 1 funcref) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
