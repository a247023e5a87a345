;; Traps: reads from a memory of no pages.
(component
  (core module $m
    (memory 0)
    (func (export "run") (result i32) (i32.load8_u (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
