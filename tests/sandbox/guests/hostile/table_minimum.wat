;; Tables: a table that begins with more elements than a skill may have is seen in the file.
(component
  (core module $m (table 100001 funcref) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
