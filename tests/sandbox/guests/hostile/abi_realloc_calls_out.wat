;; ABI: `realloc` calls the host while the host hands over the input. A component may not be left then.
(component
  (import "ringfence:skill/budget@0.1.0" (instance $budget
    (type $fields (record
      (field "fuel" u64) (field "milliseconds" u64) (field "memory" u64) (field "output" u64)
      (field "host-calls" u64)))
    (export "budget" (type $left (eq $fields)))
    (export "remaining" (func (result $left)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $remaining (canon lower (func $budget "remaining") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "remaining" (func $remaining (param i32)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (call $remaining (i32.const 1024))
      (i32.const 64))
    (func (export "run") (param i32 i32)))
  (core instance $i (instantiate $m (with "host" (instance (export "remaining" (func $remaining))))))
  (func (export "run") (param "text" string)
    (canon lift (core func $i "run") (memory (core memory $libc "memory")) (realloc (core func $i "realloc")))))
