;; Floods: 100,000 handles to the one stdout, none of which is ever dropped. Nothing stands behind
;; each, but the engine's table of them. A run holds a thousand.
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
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core module $m
    (import "host" "get" (func $get (result i32)))
    (func (export "run") (local $n i32)
      (loop
        (drop (call $get))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 100000))))))
  (core instance $i (instantiate $m (with "host" (instance (export "get" (func $get))))))
  (func (export "run") (canon lift (core func $i "run"))))
