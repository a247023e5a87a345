;; Traps: takes the remainder of the least integer by -1. A processor may fault; WebAssembly says 0.
(component
  (core module $m
    (func (export "run") (param i32) (result i32)
      (i32.rem_s (i32.const 0x80000000) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "by" s32) (result s32) (canon lift (core func $i "run"))))
