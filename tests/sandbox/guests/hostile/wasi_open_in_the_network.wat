;; WASI: opens a file in the handle of the network, which is one that there is. It is of another type.
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
  (import "wasi:sockets/network@0.2.6" (instance $networks
    (export "network" (type (sub resource)))))
  (alias export $networks "network" (type $network))
  (import "wasi:sockets/instance-network@0.2.6" (instance $instance
    (alias outer 1 $network (type $n'))
    (export "network" (type $n (eq $n')))
    (export "instance-network" (func (result (own $n))))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "/etc/passwd"))
  (core instance $libc (instantiate $libc))
  (core func $network (canon lower (func $instance "instance-network")))
  (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "network" (func $network (result i32)))
    (import "host" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (func (export "run")
      (call $open
        (call $network) (i32.const 1) (i32.const 0) (i32.const 11) (i32.const 0) (i32.const 1)
        (i32.const 64))))
  (core instance $i (instantiate $m
    (with "host" (instance (export "network" (func $network)) (export "open" (func $open))))))
  (func (export "run") (canon lift (core func $i "run"))))
