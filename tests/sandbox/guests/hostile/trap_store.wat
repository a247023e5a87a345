;; Traps: writes beyond the memory.
(component
  (core module $m
    (memory 1)
    (func (export "run") (i64.store (i32.const 0x10000) (i64.const -1))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
