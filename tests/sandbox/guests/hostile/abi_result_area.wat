;; ABI: the result itself lies beyond the memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32) (i32.const 0xfffffff8)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
