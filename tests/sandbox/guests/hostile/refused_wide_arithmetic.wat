;; Refused: adds numbers of 128 bits.
(component
  (core module $m
    (func (export "run") (result i64)
      (i64.add128 (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))
      drop))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
