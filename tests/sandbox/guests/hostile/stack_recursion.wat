;; Stack: a function that calls itself for ever. The wasm stack is bounded, and its end is a trap.
(component
  (core module $m
    (func $again (param i32) (result i32)
      (i32.add (call $again (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func (export "run") (result i32) (call $again (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
