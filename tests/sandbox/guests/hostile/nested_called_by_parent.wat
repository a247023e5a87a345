;; Nested: a component calls one that it made itself. The component model counts the two as one, which
;; may not be entered twice; neighbours may call each other.
(component
  (component $inner
    (core module $m (func (export "run")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (core func $run (canon lower (func $inner "run")))
  (core module $m
    (import "inner" "run" (func $run))
    (func (export "run") (call $run)))
  (core instance $i (instantiate $m (with "inner" (instance (export "run" (func $run))))))
  (func (export "run") (canon lift (core func $i "run"))))
