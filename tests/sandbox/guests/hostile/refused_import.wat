;; Refused: imports an interface that is not offered.
(component
  (import "evil:host/system@1.0.0" (instance $s (export "exec" (func (param "command" string)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
