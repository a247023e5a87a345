;; Refused: a memory of 64-bit pointers.
(component
  (core module $m (memory i64 1) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
