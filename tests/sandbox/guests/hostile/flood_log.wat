;; Floods: 5,000 lines of log. The run goes on; what is over the limit is counted and not kept.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $names (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $names)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "all work and no play"))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $log "write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "run") (local $n i32)
      (loop
        (call $write (i32.const 4) (i32.const 0) (i32.const 20))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 5000))))))
  (core instance $i (instantiate $m (with "host" (instance (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
