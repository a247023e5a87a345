;; Tables: grows past the table's own maximum: -1, and the trap that follows is an ordinary one.
(component
  (core module $m
    (table $t 1 2 funcref)
    (func (export "run")
      (if (i32.eq (table.grow $t (ref.null func) (i32.const 2)) (i32.const -1)) (then unreachable))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
