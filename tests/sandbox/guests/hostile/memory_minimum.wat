;; Memory: one memory that begins with a page more than the limit.
(component
  (core module $m (memory 65) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
