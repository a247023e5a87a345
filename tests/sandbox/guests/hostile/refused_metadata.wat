;; Refused: a section about the skill that is not JSON.
(component
  (@custom "ringfence:skill" "{\"description\": ")
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
