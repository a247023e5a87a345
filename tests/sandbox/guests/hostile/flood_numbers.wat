;; Floods: a list of 600,000 zeros: 1.2 MB of JSON, of which 64 KB are allowed.
(component
  (core module $m
    (memory (export "memory") 40)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 600000))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u32)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
