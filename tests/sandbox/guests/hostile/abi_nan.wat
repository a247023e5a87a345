;; ABI: a signalling NaN with a payload. There is one NaN for the caller.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 0xffa5a5a5))
      (i64.store (i32.const 8) (i64.const 0xfff5a5a5a5a5a5a5))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (tuple f32 f64)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
