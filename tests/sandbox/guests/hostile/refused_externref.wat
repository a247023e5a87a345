;; Refused: references of the host's, which the engine keeps in a collected heap.
(component
  (core module $m (table 1 externref) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
