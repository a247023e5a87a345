;; Floods: asks for 4 GiB of random bytes.
(component
  (import "wasi:random/random@0.2.6" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $libc (instantiate $libc))
  (core func $bytes (canon lower (func $random "get-random-bytes")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "host" "bytes" (func $bytes (param i64 i32)))
    (func (export "run") (call $bytes (i64.const 0x100000000) (i32.const 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "bytes" (func $bytes))))))
  (func (export "run") (canon lift (core func $i "run"))))
