;; Makes an HTTP request and sends it. The answer is 256 times the discriminant of the result (1: an
;; error), and the number of the error (1: HTTP-request-denied).
(component
  (import "wasi:http/types@0.2.6" (instance $http
    (export "fields" (type $f (sub resource)))
    (export "outgoing-request" (type $r (sub resource)))
    (export "request-options" (type (sub resource)))
    (export "future-incoming-response" (type (sub resource)))
    (type $codes (variant
      (case "DNS-timeout") (case "HTTP-request-denied") (case "internal-error" (option string))))
    (export "error-code" (type (eq $codes)))
    (export "[constructor]fields" (func (result (own $f))))
    (export "[constructor]outgoing-request" (func (param "headers" (own $f)) (result (own $r))))))
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
  (core func $fields (canon lower (func $http "[constructor]fields")))
  (core func $request (canon lower (func $http "[constructor]outgoing-request")))
  (core func $handle (canon lower (func $handler "handle")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "request" (func $request (param i32) (result i32)))
    (import "host" "handle" (func $handle (param i32 i32 i32 i32)))
    (func (export "send") (result i32)
      (call $handle (call $request (call $fields)) (i32.const 0) (i32.const 0) (i32.const 0))
      (i32.add
        (i32.mul (i32.load8_u (i32.const 0)) (i32.const 256))
        (i32.load8_u (i32.const 4)))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "fields" (func $fields)) (export "request" (func $request)) (export "handle" (func $handle))))))
  (func (export "send") (result u32) (canon lift (core func $i "send"))))
