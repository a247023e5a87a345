;; Instances: three core instances in a run that may have two.
(component
  (core module $m (func (export "run")))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
