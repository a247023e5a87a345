;; WASI: polls an empty list, which would wait for ever.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $poll (canon lower (func $poll "poll") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "host" "poll" (func $poll (param i32 i32 i32)))
    (func (export "run") (call $poll (i32.const 0) (i32.const 0) (i32.const 16))))
  (core instance $i (instantiate $m (with "host" (instance (export "poll" (func $poll))))))
  (func (export "run") (canon lift (core func $i "run"))))
