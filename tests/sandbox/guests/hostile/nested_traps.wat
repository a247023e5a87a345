;; Nested: a component inside the component traps while the outer one calls it.
(component
  (component $inner
    (core module $m (func (export "run") unreachable))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))
  (component $outer
    (import "run" (func $run))
    (core func $run (canon lower (func $run)))
    (core module $m
      (import "inner" "run" (func $run))
      (func (export "run") (call $run)))
    (core instance $i (instantiate $m (with "inner" (instance (export "run" (func $run))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "run" (func $inner "run"))))
  (export "run" (func $outer "run")))
