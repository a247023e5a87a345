;; Handles: drops handle 0, which is never given.
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
    (func (export "run") (call $drop (i32.const 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $i "run"))))
