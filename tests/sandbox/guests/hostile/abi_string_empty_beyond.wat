;; ABI: an empty string whose pointer is beyond the memory. Nothing would be read, and it is out of
;; bounds all the same.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 0x10001))
      (i32.store (i32.const 4) (i32.const 0))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
