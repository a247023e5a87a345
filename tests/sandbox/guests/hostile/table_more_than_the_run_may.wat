;; Tables: three tables in a run that may have two.
(component
  (core module $m (table 1 funcref) (func (export "run")))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
