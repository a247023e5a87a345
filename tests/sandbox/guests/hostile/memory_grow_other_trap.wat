;; Memory: a growth is refused, and later the tool divides by zero. That is another failure, and keeps
;; its name.
(component
  (core module $m
    (memory 1)
    (func (export "run") (result i32)
      (i32.div_u (memory.grow (i32.const 1000)) (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
