;; Refused: imports a component, for somebody else to fill in.
(component
  (import "worker" (component (export "run" (func))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
