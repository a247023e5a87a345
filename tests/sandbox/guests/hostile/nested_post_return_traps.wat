;; Nested: the inner component answers, and traps when the adapter tells it to clean up.
(component
  (component $inner
    (core module $m
      (func (export "get") (result i32) (i32.const 1))
      (func (export "post") (param i32) unreachable))
    (core instance $i (instantiate $m))
    (func (export "get") (result u32)
      (canon lift (core func $i "get") (post-return (core func $i "post")))))
  (component $outer
    (import "get" (func $get (result u32)))
    (core func $get (canon lower (func $get)))
    (core module $m
      (import "inner" "get" (func $get (result i32)))
      (func (export "run") (result i32) (call $get)))
    (core instance $i (instantiate $m (with "inner" (instance (export "get" (func $get))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "get" (func $inner "get"))))
  (export "run" (func $outer "run")))
