;; Refused: imports an offered function under other types: its level is a string.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (export "write" (func (param "level" string) (param "message" string)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
