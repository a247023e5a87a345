;; Floods: the tool's own error is longer than the output may be. It is output as well.
(component
  (core module $m
    (memory (export "memory") 17)
    (func (export "run") (result i32)
      (i32.store8 (i32.const 0x100000) (i32.const 1))
      (i32.store (i32.const 0x100004) (i32.const 0))
      (i32.store (i32.const 0x100008) (i32.const 0x100000))
      (i32.const 0x100000)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $i "run") (memory (core memory $i "memory")))))
