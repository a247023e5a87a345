;; ABI: Latin-1 with bytes above 127. Each is a character, and two bytes of UTF-8.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\02\00\00\00\ff\e9")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=latin1+utf16)))
