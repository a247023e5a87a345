;; WASI: reads 4 GiB from stdin. It is closed: the answer is that error, at once.
(component
  (import "wasi:io/error@0.2.6" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/streams@0.2.6" (instance $streams
    (export "input-stream" (type $in (sub resource)))
    (alias outer 1 $io-error (type $e'))
    (export "error" (type $e (eq $e')))
    (type $failure (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]input-stream.blocking-read"
      (func (param "self" (borrow $in)) (param "len" u64)
        (result (result (list u8) (error $stream-error)))))))
  (alias export $streams "input-stream" (type $input-stream))
  (import "wasi:cli/stdin@0.2.6" (instance $stdin
    (alias outer 1 $input-stream (type $i'))
    (export "input-stream" (type $i (eq $i')))
    (export "get-stdin" (func (result (own $i))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $get (canon lower (func $stdin "get-stdin")))
  (core func $read (canon lower (func $streams "[method]input-stream.blocking-read")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "get" (func $get (result i32)))
    (import "host" "read" (func $read (param i32 i64 i32)))
    ;; 256 times the discriminant of the result, and that of the error.
    (func (export "run") (result i32)
      (call $read (call $get) (i64.const 0x100000000) (i32.const 0))
      (i32.add
        (i32.mul (i32.load8_u (i32.const 0)) (i32.const 256))
        (i32.load8_u (i32.const 4)))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "get" (func $get)) (export "read" (func $read))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
