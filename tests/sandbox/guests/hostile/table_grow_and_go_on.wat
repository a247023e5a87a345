;; Tables: grows until that is refused, and goes on with exactly as many elements as the limit.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "run") (result i32)
      (loop
        (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))))
      (table.size $t)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
