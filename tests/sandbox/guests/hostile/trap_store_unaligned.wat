;; Traps: writes 16 bytes over the end of the memory. None of them is written, in memory that the
;; answer would show.
(component
  (core module $m
    (memory 1)
    (func (export "run") (v128.store (i32.const 0xfff8) (v128.const i64x2 -1 -1))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
