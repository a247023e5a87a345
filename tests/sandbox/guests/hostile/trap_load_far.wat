;; Traps: reads as far from the memory as an instruction can: address and offset are 2^32 - 1 each, so
;; that their sum lies in the guard pages or beyond.
(component
  (core module $m
    (memory 1)
    (func (export "run") (result i64) (i64.load offset=0xffffffff (i32.const -1))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u64) (canon lift (core func $i "run"))))
