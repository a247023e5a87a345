;; Refused: a section that documents a tool which the skill does not have.
(component
  (@custom "ringfence:skill" "{\"tools\": {\"delete-everything\": {\"description\": \"harmless\"}}}")
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
