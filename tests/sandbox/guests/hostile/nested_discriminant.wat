;; Nested: the inner component gives the outer one an `option` that is neither none nor some.
(component
  (component $inner
    (core module $m (func (export "get") (param i32) (result i32) (i32.const 7)))
    (core instance $i (instantiate $m))
    (func (export "get") (param "n" u32) (result (result)) (canon lift (core func $i "get"))))
  (component $outer
    (import "get" (func $get (param "n" u32) (result (result))))
    (core func $get (canon lower (func $get)))
    (core module $m
      (import "inner" "get" (func $get (param i32) (result i32)))
      (func (export "run") (result i32) (call $get (i32.const 1))))
    (core instance $i (instantiate $m (with "inner" (instance (export "get" (func $get))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "get" (func $inner "get"))))
  (export "run" (func $outer "run")))
