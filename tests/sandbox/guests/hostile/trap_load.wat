;; Traps: reads four bytes of which the last is beyond the memory.
(component
  (core module $m
    (memory 1)
    (func (export "run") (result i32) (i32.load (i32.const 0xfffd))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
