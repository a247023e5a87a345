;; ABI: text with a byte that is never in UTF-8.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00a\ffb")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
