;; ABI: a list of 2^30 + 1 numbers of four bytes: four bytes, for whoever forgets the carry.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 0x40000001))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u32)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
