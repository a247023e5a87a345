;; Floods: one line of log of a mebibyte. It is cut at 4 KiB.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $names (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $names)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 16))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $log "write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 16))
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "run")
      (memory.fill (i32.const 0) (i32.const 0x41) (i32.const 0x100000))
      (call $write (i32.const 4) (i32.const 0) (i32.const 0x100000))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))
