;; Memory: one memory that begins with all that a 32-bit pointer can reach.
(component
  (core module $m (memory 65536) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
