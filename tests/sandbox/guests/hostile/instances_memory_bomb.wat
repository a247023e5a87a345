;; Instances: five nested components that each make two of the one before: 32 memories.
(component
  (component $c0
    (core module $n (memory 0) (func (export "run")))
    (core instance (instantiate $n)))
  (component $c1
    (alias outer 1 $c0 (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))
  (component $c2
    (alias outer 1 $c1 (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))
  (component $c3
    (alias outer 1 $c2 (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))
  (component $c4
    (alias outer 1 $c3 (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))
  (component $c5
    (alias outer 1 $c4 (component $c))
    (instance (instantiate $c)) (instance (instantiate $c)))
  (instance (instantiate $c5))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
