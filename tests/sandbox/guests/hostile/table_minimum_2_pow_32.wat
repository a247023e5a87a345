;; Tables: a table that begins with as many elements as an index can name.
(component
  (core module $m (table 0xffffffff funcref) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
