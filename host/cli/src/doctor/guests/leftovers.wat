;; Looks for anything in 2 MiB of memory that should be zero, half of it fresh by growing, and then
;; writes a secret all over it for the next run to find. The answer is all bits that it saw, or-ed.
(component
  (core module $m
    (memory 16)
    (func (export "look") (result i64)
      (local $at i32) (local $seen i64)
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (loop $next
        (local.set $seen (i64.or (local.get $seen) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 0x200000))))
      (local.set $at (i32.const 0))
      (loop $next
        ;; "a secret"
        (i64.store (local.get $at) (i64.const 0x7465726365732061))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 0x200000))))
      (local.get $seen)))
  (core instance $i (instantiate $m))
  (func (export "look") (result u64) (canon lift (core func $i "look"))))
