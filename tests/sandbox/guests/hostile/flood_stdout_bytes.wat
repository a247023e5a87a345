;; Floods: stdout of bytes that are no text, and escape sequences for terminals. The log holds text all
;; the same.
(component
  (import "wasi:io/error@0.2.6" (instance $error
    (export "error" (type (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/streams@0.2.6" (instance $streams
    (export "output-stream" (type $out (sub resource)))
    (alias outer 1 $io-error (type $e'))
    (export "error" (type $e (eq $e')))
    (type $failure (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.write"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.6" (instance $stdout
    (alias outer 1 $output-stream (type $o'))
    (export "output-stream" (type $o (eq $o')))
    (export "get-stdout" (func (result (own $o))))))
  (core module $libc (memory (export "memory") 2) (data (i32.const 0) "\ff\fe\00\1b]0;owned\07\0a\c3"))
  (core instance $libc (instantiate $libc))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "get" (func $get (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "run")
      (call $write (call $get) (i32.const 0) (i32.const 15) (i32.const 64))))
  (core instance $i (instantiate $m
    (with "host" (instance (export "get" (func $get)) (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
