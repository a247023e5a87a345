;; Traps: turns a float of 10^30 into an integer.
(component
  (core module $m
    (func (export "run") (result i64) (i64.trunc_f64_u (f64.const 1e30))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
