;; Floods the log with so many lines of so many bytes each, and completes all the same.
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $names (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $names)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $log "write") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "flood") (param $lines i32) (param $bytes i32)
      (memory.fill (i32.const 0) (i32.const 0x78) (local.get $bytes))
      (loop $next
        (call $write (i32.const 4) (i32.const 0) (local.get $bytes))
        (br_if $next (local.tee $lines (i32.sub (local.get $lines) (i32.const 1)))))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "write" (func $write))))))
  (func (export "flood") (param "lines" u32) (param "bytes" u32) (canon lift (core func $i "flood"))))
