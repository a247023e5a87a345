;; Leftovers: the same, in a run that ends by a trap after it has dirtied 800 KB: what the trap leaves
;; behind is found by the next run, which then traps otherwise.
(component
  (core module $m
    (memory 13)
    (global $g (mut i32) (i32.const 0))
    (func (export "run") (result i32)
      (local $at i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 851968))))
      (if (global.get $g) (then unreachable))
      (memory.fill (i32.const 0) (i32.const 0x5a) (i32.const 851968))
      (global.set $g (i32.const 1))
      (i32.div_u (i32.const 1) (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
