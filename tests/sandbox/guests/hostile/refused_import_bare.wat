;; Refused: imports a function outside of all interfaces.
(component
  (import "system" (func (param "command" string)))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
