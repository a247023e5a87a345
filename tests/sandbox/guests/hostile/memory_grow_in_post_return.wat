;; Memory: the tool answers, and its clean-up grows until that is refused and gives up.
(component
  (core module $m
    (memory 1)
    (func (export "run") (result i32) (i32.const 1))
    (func (export "post") (param i32)
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run") (post-return (core func $i "post")))))
