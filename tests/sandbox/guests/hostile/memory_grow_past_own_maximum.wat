;; Memory: grows past the maximum that the memory itself declares. That is refused by its own type, not
;; by the limit: the trap that follows is an ordinary one.
(component
  (core module $m
    (memory 1 2)
    (func (export "run")
      (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then (return)))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
