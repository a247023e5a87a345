;; Traps: a data segment that lies beyond its memory, which is seen when the instance is made.
(component
  (core module $m
    (memory 1)
    (data (i32.const 0xfffe) "over the end")
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
