;; ABI: the tool's own error is text that is none.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\01\00\00\00\0c\00\00\00\01\00\00\00\ff")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $i "run") (memory (core memory $i "memory")))))
