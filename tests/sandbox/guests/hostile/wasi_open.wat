;; WASI: opens `/etc/passwd` in a directory whose handle it has made up. There is no such handle, and
;; no way to get one.
(component
  (import "wasi:filesystem/types@0.2.6" (instance $types
    (export "descriptor" (type $d (sub resource)))
    (type $codes (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large"
      "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links"
      "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space"
      "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow"
      "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error (eq $codes)))
    (type $path (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path)))
    (type $open (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open)))
    (type $mode (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync"
      "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $mode)))
    (export "[method]descriptor.open-at"
      (func
        (param "self" (borrow $d)) (param "path-flags" $path-flags) (param "path" string)
        (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
        (result (result (own $d) (error $error)))))))
  (alias export $types "descriptor" (type $descriptor))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "/etc/passwd"))
  (core instance $libc (instantiate $libc))
  (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (func (export "run")
      (call $open
        (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 11) (i32.const 0) (i32.const 1)
        (i32.const 64))))
  (core instance $i (instantiate $m (with "host" (instance (export "open" (func $open))))))
  (func (export "run") (canon lift (core func $i "run"))))
