;; Refused: a built-in that keeps something for an async task.
(component
  (core func $get (canon context.get i32 0))
  (core module $m
    (import "host" "get" (func $get (result i32)))
    (func (export "run") (result i32) (call $get)))
  (core instance $i (instantiate $m (with "host" (instance (export "get" (func $get))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
