;; Refused: a function of one number lifted as one that takes a string.
(component
  (core module $m (func (export "run") (param i32)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string) (canon lift (core func $i "run"))))
