;; Refused: imports a core module.
(component
  (import "libc" (core module (export "memory" (memory 1))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
