;; ABI: a list of numbers at an odd address.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 17))
      (i32.store (i32.const 4) (i32.const 2))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u32)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
