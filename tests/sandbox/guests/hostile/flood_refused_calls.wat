;; Floods: asks for a socket without end. A call that is refused is a call.
(component
  (import "wasi:sockets/tcp-create-socket@0.2.6" (instance $create
    (type $code (enum "unknown" "access-denied" "not-supported"))
    (export "error-code" (type $e (eq $code)))
    (export "network" (type (sub resource)))
    (export "tcp-socket" (type $s (sub resource)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type $f (eq $family)))
    (export "create-tcp-socket" (func (param "address-family" $f) (result (result (own $s) (error $e)))))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $create (canon lower (func $create "create-tcp-socket") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "create" (func $create (param i32 i32)))
    (func (export "run") (loop (call $create (i32.const 0) (i32.const 0)) (br 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "create" (func $create))))))
  (func (export "run") (canon lift (core func $i "run"))))
