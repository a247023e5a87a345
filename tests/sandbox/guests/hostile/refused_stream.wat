;; Refused: a stream in a signature.
(component
  (core module $m (func (export "run") (param i32)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "in" (stream u8)) (canon lift (core func $i "run"))))
