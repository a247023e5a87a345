;; Shapes: lifts a function of one instance with the memory of another and the `realloc` of a third.
(component
  (core module $a (memory (export "memory") 1))
  (core module $b (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32)))
  (core module $c
    (import "a" "memory" (memory 1))
    (func (export "run") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $a (instantiate $a))
  (core instance $b (instantiate $b))
  (core instance $c (instantiate $c (with "a" (instance $a))))
  (func (export "run") (param "text" string) (result string)
    (canon lift (core func $c "run") (memory (core memory $a "memory")) (realloc (core func $b "realloc")))))
