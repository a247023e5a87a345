;; Refused: imports an interface in a version that there is not.
(component
  (import "ringfence:skill/log@0.3.0" (instance $log (export "write" (func (param "message" string)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
