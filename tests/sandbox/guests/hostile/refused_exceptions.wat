;; Refused: throws an exception.
(component
  (core module $m (tag $t) (func (export "run") (throw $t)))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
