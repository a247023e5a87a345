;; Floods: stdout, 64 KiB at a time and 200 times, without a line break. A full stdout drops and
;; counts, and the guest never hears of it.
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
  (core module $libc (memory (export "memory") 2))
  (core instance $libc (instantiate $libc))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 2))
    (import "host" "get" (func $get (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "run") (local $out i32) (local $n i32)
      (memory.fill (i32.const 0) (i32.const 0x41) (i32.const 0x10000))
      (local.set $out (call $get))
      (loop
        (call $write (local.get $out) (i32.const 0) (i32.const 0x10000) (i32.const 0x10000))
        (if (i32.load8_u (i32.const 0x10000)) (then unreachable))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 200))))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "get" (func $get)) (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
