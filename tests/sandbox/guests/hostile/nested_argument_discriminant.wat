;; Nested: the outer component calls the inner one with an `option` that is neither none nor some.
(component
  (component $inner
    (core module $m (func (export "put") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "put") (param "n" (option u32)) (canon lift (core func $i "put"))))
  (component $outer
    (import "put" (func $put (param "n" (option u32))))
    (core func $put (canon lower (func $put)))
    (core module $m
      (import "inner" "put" (func $put (param i32 i32)))
      (func (export "run") (call $put (i32.const 2) (i32.const 1))))
    (core instance $i (instantiate $m (with "inner" (instance (export "put" (func $put))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "put" (func $inner "put"))))
  (export "run" (func $outer "run")))
