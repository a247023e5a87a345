;; Traps: writes a table at index 2^32 - 1.
(component
  (core module $m
    (table $t 2 funcref)
    (func (export "run") (table.set $t (i32.const -1) (ref.null func))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
