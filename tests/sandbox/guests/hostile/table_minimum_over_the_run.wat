;; Tables: a table that begins with more elements than the run may have.
(component
  (core module $m (table 1001 funcref) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
