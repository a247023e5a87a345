;; Calls the host so many times, for nothing.
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
    (func (export "ask") (param $times i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $times)))
          (call $remaining (i32.const 0))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br $next)))))
  (core instance $i (instantiate $m (with "host" (instance (export "remaining" (func $remaining))))))
  (func (export "ask") (param "times" u32) (canon lift (core func $i "ask"))))
