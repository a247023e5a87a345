;; Nested: the inner component gives UTF-16 of which the last byte is beyond its memory.
(component
  (component $inner
    (core module $m
      (memory (export "memory") 1)
      (func (export "get") (result i32)
        (i32.store (i32.const 0) (i32.const 0xfffe))
        (i32.store (i32.const 4) (i32.const 2))
        (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "get") (result string)
      (canon lift (core func $i "get") (memory (core memory $i "memory")) string-encoding=utf16)))
  (component $outer
    (import "get" (func $get (result string)))
    (core module $libc
      (memory (export "memory") 4)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
    (core instance $libc (instantiate $libc))
    (core func $get (canon lower (func $get)
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "inner" "get" (func $get (param i32)))
      ;; The length of what came.
      (func (export "run") (result i32)
        (call $get (i32.const 0))
        (i32.load (i32.const 4))))
    (core instance $i (instantiate $m
      (with "libc" (instance $libc))
      (with "inner" (instance (export "get" (func $get))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "get" (func $inner "get"))))
  (export "run" (func $outer "run")))
