;; Nested: the outer component's `realloc` calls the inner one while the adapter copies its answer.
(component
  (component $inner
    (core module $m
      (memory (export "memory") 1)
      (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
      (func (export "get") (result i32) (i32.const 0))
      (func (export "touch")))
    (core instance $i (instantiate $m))
    (func (export "touch") (canon lift (core func $i "touch")))
    (func (export "get") (result string) (canon lift (core func $i "get") (memory (core memory $i "memory")))))
  (component $outer
    (import "touch" (func $touch))
    (import "get" (func $get (result string)))
    (core func $touch (canon lower (func $touch)))
    (core module $libc
      (import "inner" "touch" (func $touch))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (call $touch)
        (i32.const 64)))
    (core instance $libc (instantiate $libc
      (with "inner" (instance (export "touch" (func $touch))))))
    (core func $get (canon lower (func $get)
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "inner" "get" (func $get (param i32)))
      (func (export "run") (call $get (i32.const 0))))
    (core instance $i (instantiate $m (with "inner" (instance (export "get" (func $get))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer
    (with "touch" (func $inner "touch"))
    (with "get" (func $inner "get"))))
  (export "run" (func $outer "run")))
