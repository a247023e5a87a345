;; Means no harm: the sum of the squares up to `n`, an answer that the doctor knows.
(component
  (core module $m
    (func (export "squares") (param $n i32) (result i64)
      (local $i i64) (local $sum i64)
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.mul (local.get $i) (local.get $i))))
        (local.set $i (i64.add (local.get $i) (i64.const 1)))
        (br_if $next (i64.le_u (local.get $i) (i64.extend_i32_u (local.get $n)))))
      (local.get $sum)))
  (core instance $i (instantiate $m))
  (func (export "squares") (param "n" u32) (result u64) (canon lift (core func $i "squares"))))
