;; Refused: a description with an escape sequence for terminals.
(component
  (@custom "ringfence:skill" "{\"description\": \"a \\u001b]0;owned\\u0007 tool\"}")
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
