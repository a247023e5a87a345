;; Refused: imports an offered function as a resource.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log (export "write" (type (sub resource)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
