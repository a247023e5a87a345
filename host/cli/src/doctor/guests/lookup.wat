;; Looks up a name through the network, whose handle anybody gets. 1 is the error of the interface.
(component
  (import "wasi:sockets/network@0.2.6" (instance $networks
    (export "network" (type (sub resource)))
    (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument"))
    (export "error-code" (type $e (eq $codes)))))
  (alias export $networks "network" (type $network))
  (alias export $networks "error-code" (type $error))
  (import "wasi:sockets/instance-network@0.2.6" (instance $instance
    (alias outer 1 $network (type $n'))
    (export "network" (type $n (eq $n')))
    (export "instance-network" (func (result (own $n))))))
  (import "wasi:sockets/ip-name-lookup@0.2.6" (instance $lookup
    (alias outer 1 $network (type $n'))
    (alias outer 1 $error (type $e'))
    (export "network" (type $n (eq $n')))
    (export "error-code" (type $e (eq $e')))
    (export "resolve-address-stream" (type $s (sub resource)))
    (export "resolve-addresses"
      (func (param "network" (borrow $n)) (param "name" string) (result (result (own $s) (error $e)))))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "localhost"))
  (core instance $libc (instantiate $libc))
  (core func $network (canon lower (func $instance "instance-network")))
  (core func $resolve (canon lower (func $lookup "resolve-addresses") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "network" (func $network (result i32)))
    (import "host" "resolve" (func $resolve (param i32 i32 i32 i32)))
    (func (export "resolve") (result i32)
      (call $resolve (call $network) (i32.const 0) (i32.const 9) (i32.const 64))
      (i32.load8_u (i32.const 64))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "network" (func $network)) (export "resolve" (func $resolve))))))
  (func (export "resolve") (result u32) (canon lift (core func $i "resolve"))))
