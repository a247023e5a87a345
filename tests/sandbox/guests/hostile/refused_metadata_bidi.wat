;; Refused: a description that reads otherwise than it is written: it turns the direction of text.
(component
  (@custom "ringfence:skill" "{\"description\": \"safe \\u202e elifed\"}")
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
