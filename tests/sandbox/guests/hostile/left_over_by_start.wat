;; Leftovers: the start function looks at a memory without data and dirties it; the memory is another
;; instance's by the next run.
(component
  (core module $m
    (memory 4)
    (global $clean (mut i32) (i32.const 1))
    (func $start (local $at i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (global.set $clean (i32.const 0))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 262144))))
      (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 262144)))
    (start $start)
    (func (export "run") (result i32) (global.get $clean)))
  (core instance $i (instantiate $m))
  (func (export "run") (result bool) (canon lift (core func $i "run"))))
