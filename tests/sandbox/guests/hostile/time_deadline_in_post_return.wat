;; Time: the tool answers, and its clean-up runs past the deadline.
(component
  (core module $m
    (func (export "run") (result i32) (i32.const 1))
    (func (export "post") (param i32) (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run") (post-return (core func $i "post")))))
