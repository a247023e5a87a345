;; Shapes: exports an instance in an instance. What is inside of it is no tool.
(component
  (core module $m (func (export "run") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func $run (result u32) (canon lift (core func $i "run")))
  (instance $inner (export "hidden" (func $run)))
  (instance $outer (export "inner" (instance $inner)))
  (export "run" (func $run))
  (export "outer" (instance $outer)))
