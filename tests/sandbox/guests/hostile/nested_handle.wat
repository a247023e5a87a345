;; Nested: the outer component makes up a handle to a resource of the inner one.
(component
  (component $inner
    (type $r' (resource (rep i32)))
    (export $r "secret" (type $r'))
    (core module $m (func (export "get") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m))
    (func $get (param "secret" (borrow $r')) (result u32) (canon lift (core func $i "get")))
    (export "get" (func $get) (func (param "secret" (borrow $r)) (result u32))))
  (component $outer
    (import "secret" (type $r (sub resource)))
    (import "get" (func $get (param "secret" (borrow $r)) (result u32)))
    (core func $get (canon lower (func $get)))
    (core module $m
      (import "inner" "get" (func $get (param i32) (result i32)))
      (func (export "run") (result i32) (call $get (i32.const 1))))
    (core instance $i (instantiate $m (with "inner" (instance (export "get" (func $get))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer
    (with "secret" (type $inner "secret"))
    (with "get" (func $inner "get"))))
  (export "run" (func $outer "run")))
