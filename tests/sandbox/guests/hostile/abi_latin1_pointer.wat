;; ABI: Latin-1 or UTF-16: Latin-1 as well must be at an even address.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\09\00\00\00\02\00\00\00\00ab")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=latin1+utf16)))
