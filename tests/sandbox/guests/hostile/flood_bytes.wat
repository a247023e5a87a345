;; Floods: a result of 16 times as many bytes as the output may have.
(component
  (core module $m
    (memory (export "memory") 17)
    (func (export "run") (result i32)
      (i32.store (i32.const 0x100000) (i32.const 0))
      (i32.store (i32.const 0x100004) (i32.const 0x100000))
      (i32.const 0x100000)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u8)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
