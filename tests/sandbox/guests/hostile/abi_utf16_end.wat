;; ABI: UTF-16 text of which the first half is in the memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 0xfffc))
      (i32.store (i32.const 4) (i32.const 4))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=utf16)))
