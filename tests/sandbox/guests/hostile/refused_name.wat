;; Refused: a tool name of more characters than protocols allow.
(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    (canon lift (core func $i "run"))))
