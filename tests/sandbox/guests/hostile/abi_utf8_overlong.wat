;; ABI: text with a slash of two bytes: an old way past filters of paths.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\02\00\00\00\c0\af")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result string) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
