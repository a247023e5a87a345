;; ABI: a list of bools that are 0, 1, 2 and 255. Everything but zero is true.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\00\01\02\ff")
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 4))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list bool)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
