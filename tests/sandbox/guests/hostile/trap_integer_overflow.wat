;; Traps: divides the least integer by -1, which a processor answers with a fault.
(component
  (core module $m
    (func (export "run") (param i64) (result i64)
      (i64.div_s (i64.const 0x8000000000000000) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "by" s64) (result s64) (canon lift (core func $i "run"))))
