;; ABI: UTF-16 text of 2^31 units, which are 2^32 bytes: none, for whoever forgets the carry.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\00\00\00\80ab")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=utf16)))
