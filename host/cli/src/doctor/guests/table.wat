;; Grows a table, an element at a time, until that is refused, and gives up.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "grow")
      (loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "grow") (canon lift (core func $i "grow"))))
