;; Tables: asks for 2^32 - 1 elements in one step, with the fuel for it: the engine charges a unit for
;; each, before it asks for leave.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "run")
      (if (i32.eq (table.grow $t (ref.null func) (i32.const -1)) (i32.const -1)) (then unreachable))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
