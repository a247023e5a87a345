;; ABI: UTF-16 text at an odd address.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\09\00\00\00\02\00\00\00\00a\00b\00")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=utf16)))
