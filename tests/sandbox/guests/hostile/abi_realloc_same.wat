;; ABI: `realloc` gives the same place twice, so that the second argument overwrites the first. The
;; tool deceives nobody but itself.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 64) (local.get 0))
      (i32.store (i32.const 68) (local.get 1))
      (i32.const 64)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "a" string) (param "b" string) (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
