;; Reads the environment, the arguments and the current directory, and counts what it finds.
(component
  (import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $environment (canon lower (func $environment "get-environment")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $arguments (canon lower (func $environment "get-arguments")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $directory (canon lower (func $environment "initial-cwd")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "environment" (func $environment (param i32)))
    (import "host" "arguments" (func $arguments (param i32)))
    (import "host" "directory" (func $directory (param i32)))
    (func (export "count") (result i32)
      (call $environment (i32.const 0))
      (call $arguments (i32.const 16))
      (call $directory (i32.const 32))
      (i32.add
        (i32.load8_u (i32.const 32))
        (i32.add (i32.load (i32.const 4)) (i32.load (i32.const 20))))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "environment" (func $environment))
      (export "arguments" (func $arguments))
      (export "directory" (func $directory))))))
  (func (export "count") (result u32) (canon lift (core func $i "count"))))
