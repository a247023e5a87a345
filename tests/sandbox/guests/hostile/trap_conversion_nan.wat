;; Traps: turns a NaN into an integer.
(component
  (core module $m
    (func (export "run") (result i32) (i32.trunc_f64_s (f64.const nan))))
  (core instance $i (instantiate $m))
  (func (export "run") (result s32) (canon lift (core func $i "run"))))
