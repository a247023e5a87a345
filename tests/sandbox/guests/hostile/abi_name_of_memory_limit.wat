;; ABI: breaks the ABI in a function whose name is what the engine says when there are too many
;; instances. The name is in the backtrace, and must not decide the outcome.
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
    (func (@name "resource limit exceeded") (export "run")
      (call $remaining (i32.const 1))))
  (core instance $i (instantiate $m (with "host" (instance (export "remaining" (func $remaining))))))
  (func (export "run") (canon lift (core func $i "run"))))
