;; Sets the keys `a`, `b`, … to one byte each. Returns how many were set, and the case of the error that ended it, or 255.
(component
  (import "ringfence:skill/kv@0.1.0" (instance $kv
    (type $error' (variant (case "denied") (case "limit") (case "failed" string)))
    (export "error" (type $error (eq $error')))
    (export "set" (func (param "key" string) (param "value" (list u8)) (result (result (error $error)))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $set (canon lower (func $kv "set") (memory $memory) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
    (func (export "fill") (param $keys i32) (result i32)
      (i32.store (i32.const 32) (i32.const 0))
      (i32.store (i32.const 36) (i32.const 255))
      (block $done (loop $again
        (br_if $done (i32.eq (i32.load (i32.const 32)) (local.get $keys)))
        (i32.store8 (i32.const 16) (i32.add (i32.const 97) (i32.load (i32.const 32))))
        (call $set (i32.const 16) (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64))
        (if (i32.load8_u (i32.const 64))
          (then (i32.store (i32.const 36) (i32.load8_u (i32.const 68))) (br $done)))
        (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.const 1)))
        (br $again)))
      (i32.const 32)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "set" (func $set))))))
  (func (export "fill") (param "keys" u32) (result (tuple u32 u32))
    (canon lift (core func $i "fill") (memory $memory))))
