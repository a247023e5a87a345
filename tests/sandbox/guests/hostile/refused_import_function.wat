;; Refused: imports a function that the offered interface does not have.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log (export "read" (func (result string)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
