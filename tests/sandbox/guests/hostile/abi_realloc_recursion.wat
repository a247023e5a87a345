;; ABI: `realloc` calls itself for ever.
(component
  (core module $m
    (memory (export "memory") 1)
    (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32)
      (i32.add
        (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))
        (i32.const 1)))
    (func (export "run") (param i32 i32)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
