;; Memory: grows a page at a time until that is refused, and then does what library code does: it gives
;; up with `unreachable`. The report names the limit, not the trap.
(component
  (core module $m
    (memory 1)
    (func (export "run")
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
