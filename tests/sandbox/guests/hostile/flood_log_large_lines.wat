;; Floods: the host reads 60 MiB of text again and again, which costs the guest nothing but host calls.
;; What a call may hand over is bounded, so the second one is never read.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $names (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $names)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 960))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $log "write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "run")
      (loop
        (call $write (i32.const 4) (i32.const 0) (i32.const 0x3c00000))
        (br 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
