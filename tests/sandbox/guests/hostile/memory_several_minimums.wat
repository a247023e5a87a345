;; Memory: four memories that begin with 20 pages each. Each is below the limit of 64 pages, their sum
;; is not, so the fourth is never made.
(component
  (core module $m (memory 20) (func (export "run")))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
