;; Calls itself for ever. Not in tail position, so that each call keeps its frame.
(component
  (core module $m
    (func $again (param i32) (result i32)
      (i32.add (call $again (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func (export "recurse") (result i32) (call $again (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "recurse") (result u32) (canon lift (core func $i "recurse"))))
