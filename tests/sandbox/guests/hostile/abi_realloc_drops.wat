;; ABI: `realloc` uses a built-in of the component model, which is a way out as well.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (core func $drop (canon resource.drop $pollable))
  (core module $m
    (import "host" "drop" (func $drop (param i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (call $drop (i32.const 1))
      (i32.const 64))
    (func (export "run") (param i32 i32)))
  (core instance $i (instantiate $m (with "host" (instance (export "drop" (func $drop))))))
  (func (export "run") (param "text" string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
