;; Nested: the outer component gives away the same handle twice in one call.
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
    (import "pollable" (type $p (sub resource)))
    (core module $m (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "take") (param "a" (own $p)) (param "b" (own $p)) (canon lift (core func $i "take"))))
  (component $outer
    (import "pollable" (type $p (sub resource)))
    (import "subscribe" (func $subscribe (param "when" u64) (result (own $p))))
    (import "take" (func $take (param "a" (own $p)) (param "b" (own $p))))
    (core func $subscribe (canon lower (func $subscribe)))
    (core func $take (canon lower (func $take)))
    (core module $m
      (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
      (import "inner" "take" (func $take (param i32 i32)))
      (func (export "run") (local $p i32)
        (local.set $p (call $subscribe (i64.const 1)))
        (call $take (local.get $p) (local.get $p))))
    (core instance $i (instantiate $m
      (with "host" (instance (export "subscribe" (func $subscribe))))
      (with "inner" (instance (export "take" (func $take))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner (with "pollable" (type $pollable))))
  (instance $outer (instantiate $outer
    (with "pollable" (type $pollable))
    (with "subscribe" (func $clock "subscribe-duration"))
    (with "take" (func $inner "take"))))
  (export "run" (func $outer "run")))
