;; Floods: polls one timer 100,000 times in one list: more than one call may hand over to the host.
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
  (core module $libc
    (memory (export "memory") 20)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x80000)))
  (core instance $libc (instantiate $libc))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $poll (canon lower (func $poll "poll") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 20))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "poll" (func $poll (param i32 i32 i32)))
    (func (export "run") (result i32) (local $p i32) (local $at i32)
      (local.set $p (call $subscribe (i64.const 0)))
      (loop
        (i32.store (local.get $at) (local.get $p))
        (br_if 0 (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 4)))
          (i32.const 400000))))
      (call $poll (i32.const 0) (i32.const 100000) (i32.const 0x7fff8))
      (i32.load (i32.const 0x7fffc))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "subscribe" (func $subscribe)) (export "poll" (func $poll))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
