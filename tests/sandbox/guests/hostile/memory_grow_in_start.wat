;; Memory: grows in the start function until that is refused.
(component
  (core module $m
    (memory 1)
    (func $start
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable)
    (start $start)
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
