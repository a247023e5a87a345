;; Nested: the inner component calls back into the outer one while that waits for it. A component may
;; not be entered twice.
(component
  (component $inner
    (import "back" (func $back))
    (core func $back (canon lower (func $back)))
    (core module $m
      (import "outer" "back" (func $back))
      (func (export "run") (call $back)))
    (core instance $i (instantiate $m (with "outer" (instance (export "back" (func $back))))))
    (func (export "run") (canon lift (core func $i "run"))))
  ;; The outer module comes first, and finds the inner function in a table when it is called.
  (core module $m
    (table (export "table") 1 funcref)
    (func (export "back"))
    (func (export "run") (call_indirect (i32.const 0))))
  (core instance $i (instantiate $m))
  (func $back (canon lift (core func $i "back")))
  (instance $inner (instantiate $inner (with "back" (func $back))))
  (core func $run (canon lower (func $inner "run")))
  (core module $late
    (import "outer" "table" (table 1 funcref))
    (import "inner" "run" (func $run))
    (elem (i32.const 0) func $run))
  (core instance (instantiate $late
    (with "outer" (instance $i))
    (with "inner" (instance (export "run" (func $run))))))
  (func (export "run") (canon lift (core func $i "run"))))
