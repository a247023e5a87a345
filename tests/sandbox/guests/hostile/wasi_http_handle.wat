;; WASI: sends a request whose handle it has made up.
(component
  (import "wasi:http/types@0.2.6" (instance $http
    (export "outgoing-request" (type (sub resource)))
    (export "request-options" (type (sub resource)))
    (export "future-incoming-response" (type (sub resource)))
    (type $codes (variant (case "DNS-timeout") (case "HTTP-request-denied") (case "internal-error" (option string))))
    (export "error-code" (type (eq $codes)))))
  (alias export $http "outgoing-request" (type $request))
  (alias export $http "request-options" (type $options))
  (alias export $http "future-incoming-response" (type $response))
  (alias export $http "error-code" (type $error))
  (import "wasi:http/outgoing-handler@0.2.6" (instance $handler
    (alias outer 1 $request (type $r'))
    (alias outer 1 $options (type $o'))
    (alias outer 1 $response (type $f'))
    (alias outer 1 $error (type $e'))
    (export "outgoing-request" (type $r (eq $r')))
    (export "request-options" (type $o (eq $o')))
    (export "future-incoming-response" (type $f (eq $f')))
    (export "error-code" (type $e (eq $e')))
    (export "handle"
      (func (param "request" (own $r)) (param "options" (option (own $o)))
        (result (result (own $f) (error $e)))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $handle (canon lower (func $handler "handle")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "host" "handle" (func $handle (param i32 i32 i32 i32)))
    (func (export "run") (call $handle (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "handle" (func $handle))))))
  (func (export "run") (canon lift (core func $i "run"))))
