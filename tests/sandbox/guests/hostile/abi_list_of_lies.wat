;; ABI: a list of three strings: the first two are right, the third ends beyond the memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\03\00\00\00")
    (data (i32.const 16) "\00\00\00\00\04\00\00\00\00\00\00\00\04\00\00\00\ff\ff\00\00\02\00\00\00")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list string)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
