;; Nested: two neighbours call the host in turn, and the calls of both are counted together.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
    (alias outer 1 $pollable (type $p'))
    (export "pollable" (type $p (eq $p')))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (component $inner
    (import "now" (func $now (result u64)))
    (core func $now (canon lower (func $now)))
    (core module $m
      (import "host" "now" (func $now (result i64)))
      (func (export "look") (drop (call $now))))
    (core instance $i (instantiate $m (with "host" (instance (export "now" (func $now))))))
    (func (export "look") (canon lift (core func $i "look"))))
  (component $outer
    (import "a" (func $a))
    (import "b" (func $b))
    (core func $a (canon lower (func $a)))
    (core func $b (canon lower (func $b)))
    (core module $m
      (import "inner" "a" (func $a))
      (import "inner" "b" (func $b))
      (func (export "run") (loop (call $a) (call $b) (br 0))))
    (core instance $i (instantiate $m
      (with "inner" (instance (export "a" (func $a)) (export "b" (func $b))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $a (instantiate $inner (with "now" (func $clock "now"))))
  (instance $b (instantiate $inner (with "now" (func $clock "now"))))
  (instance $outer (instantiate $outer (with "a" (func $a "look")) (with "b" (func $b "look"))))
  (export "run" (func $outer "run")))
