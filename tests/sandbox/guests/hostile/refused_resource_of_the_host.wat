;; Refused: a tool that gives away a handle of the host's.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (export $p "timer" (type $pollable))
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func $run (result (list (own $pollable)))
    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
  (export "run" (func $run) (func (result (list (own $p))))))
