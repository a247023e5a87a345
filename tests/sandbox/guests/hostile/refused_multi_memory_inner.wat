;; Refused: two memories in one module, three components deep.
(component
  (component (component
    (core module $n (memory 1) (memory 1))
    (core instance (instantiate $n))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
