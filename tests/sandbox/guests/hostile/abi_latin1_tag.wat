;; ABI: Latin-1 or UTF-16: the length says UTF-16, and counted in that the text ends beyond the memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 0x80008000))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) string-encoding=latin1+utf16)))
