;; ABI: a log level that is right in its lowest byte and wrong above.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $names (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $names)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $log "write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "run") (call $write (i32.const 0x10002) (i32.const 0) (i32.const 1))))
  (core instance $i (instantiate $m (with "host" (instance (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
