;; Floods: 100,000 timers, none of which is ever dropped. A run holds a thousand.
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
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "run") (local $n i32)
      (loop
        (drop (call $subscribe (i64.const 1)))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 100000))))))
  (core instance $i (instantiate $m (with "host" (instance (export "subscribe" (func $subscribe))))))
  (func (export "run") (canon lift (core func $i "run"))))
