;; Makes a TCP socket. 1 is the error of the interface.
(component
  (import "wasi:sockets/network@0.2.6" (instance $networks
    (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument"))
    (export "error-code" (type $e (eq $codes)))
    (type $families (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type $f (eq $families)))))
  (alias export $networks "error-code" (type $error))
  (alias export $networks "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.6" (instance $tcp
    (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $socket))
  (import "wasi:sockets/tcp-create-socket@0.2.6" (instance $create
    (alias outer 1 $socket (type $s'))
    (alias outer 1 $error (type $e'))
    (alias outer 1 $family (type $f'))
    (export "tcp-socket" (type $s (eq $s')))
    (export "error-code" (type $e (eq $e')))
    (export "ip-address-family" (type $f (eq $f')))
    (export "create-tcp-socket" (func (param "address-family" $f) (result (result (own $s) (error $e)))))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $create (canon lower (func $create "create-tcp-socket") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "create" (func $create (param i32 i32)))
    (import "libc" "memory" (memory 1))
    (func (export "socket") (result i32)
      (call $create (i32.const 0) (i32.const 64))
      (i32.load8_u (i32.const 64))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "create" (func $create))))))
  (func (export "socket") (result u32) (canon lift (core func $i "socket"))))
