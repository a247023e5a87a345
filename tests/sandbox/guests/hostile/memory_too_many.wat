;; Memory: seventeen memories. More than a skill may have is seen in the file, before compiling.
(component
  (core module $m (memory 0) (func (export "run")))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
