;; WASI: declares that the network and the directory are of one type, so that a handle to the one would be taken for the
;; other. They are two types of the host's, and it is refused.
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
  (import "wasi:sockets/instance-network@0.2.6" (instance $instance
    (alias outer 1 $descriptor (type $n'))
    (export "network" (type $n (eq $n')))
    (export "instance-network" (func (result (own $n))))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "/etc/passwd"))
  (core instance $libc (instantiate $libc))
  (core func $network (canon lower (func $instance "instance-network")))
  (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "network" (func $network (result i32)))
    (import "host" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (func (export "run") (result i32)
      (call $open
        (call $network) (i32.const 1) (i32.const 0) (i32.const 11) (i32.const 0) (i32.const 1)
        (i32.const 64))
      (i32.load8_u (i32.const 64))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "network" (func $network)) (export "open" (func $open))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
