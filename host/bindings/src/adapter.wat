;; Adapts WASI preview 1, as Go and C import it, to WASI 0.2, without memory of its own: what the host writes goes to
;; 24 bytes of the program's memory, which have their old content again before the program goes on.
;;
;; While the host puts values into the memory of a component, by `cabi_realloc`, the component must not call out: a call
;; is a trap. But an allocation may start Go's garbage collector, which looks at the clock. So the generated code says
;; by `ringfence_away` when the host may be at that, and then nothing here calls out: clocks stand still but for a
;; microsecond a look, sleep is over at once, output is dropped.
(module
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get_stderr (result i32)))
  (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
  (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
  (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop_pollable (param i32)))
  (import "env" "memory" (memory 0))

  ;; The streams, once they were asked for: no handle is 0.
  (global $stdout (mut i32) (i32.const 0))
  (global $stderr (mut i32) (i32.const 0))

  (global $away (mut i32) (i32.const 0))
  (func (export "ringfence_away") (param $away i32) (global.set $away (local.get $away)))

  ;; No arguments and no environment.
  (func (export "args_sizes_get") (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_sizes_get") (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; The last times: what is told next is later.
  (global $last_wall (mut i64) (i64.const 0))
  (global $last_monotonic (mut i64) (i64.const 0))

  ;; Nanoseconds of the wall clock (0) or the monotonic one (all others).
  (func $now (param $clock i32) (result i64)
    (local $first i64) (local $second i64) (local $time i64)
    (if (local.get $clock)
      (then
        (local.set $time (i64.add (global.get $last_monotonic) (i64.const 1000)))
        (if (i32.eqz (global.get $away))
          (then
            (local.set $first (call $monotonic))
            (if (i64.gt_u (local.get $first) (local.get $time)) (then (local.set $time (local.get $first))))))
        (global.set $last_monotonic (local.get $time))
        (return (local.get $time))))
    (if (global.get $away)
      (then
        (global.set $last_wall (i64.add (global.get $last_wall) (i64.const 1000)))
        (return (global.get $last_wall))))
    (local.set $first (i64.load (i32.const 16)))
    (local.set $second (i64.load (i32.const 24)))
    (call $wall (i32.const 16))
    (local.set $time (i64.add
      (i64.mul (i64.load (i32.const 16)) (i64.const 1000000000))
      (i64.load32_u (i32.const 24))))
    (i64.store (i32.const 16) (local.get $first))
    (i64.store (i32.const 24) (local.get $second))
    (global.set $last_wall (local.get $time))
    (local.get $time))
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (i64.store (local.get $time) (call $now (local.get $clock)))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1))
    (i32.const 0))

  ;; Waits for the earliest of the clocks that are subscribed to, of which Go has at most one. 58: not supported.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $wait i64) (local $least i64) (local $chosen i32) (local $pollable i32)
    (local.set $least (i64.const -1))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.get $count)))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
          (then
            (local.set $wait (i64.load offset=24 (local.get $in)))
            ;; An absolute time.
            (if (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))
              (then
                (local.set $wait (i64.sub (local.get $wait) (call $now (i32.load offset=16 (local.get $in)))))
                (if (i64.lt_s (local.get $wait) (i64.const 0)) (then (local.set $wait (i64.const 0))))))
            (if (i64.lt_u (local.get $wait) (local.get $least))
              (then
                (local.set $least (local.get $wait))
                (local.set $chosen (local.get $in))))))
        (local.set $in (i32.add (local.get $in) (i32.const 48)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (if (i32.eqz (local.get $chosen)) (then (return (i32.const 58))))
    (if (i32.eqz (global.get $away))
      (then
        (local.set $pollable (call $after (local.get $least)))
        (call $block (local.get $pollable))
        (call $drop_pollable (local.get $pollable))))
    (i64.store (local.get $out) (i64.load (local.get $chosen)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (i64.store offset=24 (local.get $out) (i64.const 0))
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))

  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $word i64)
    (if (global.get $away) (then (return (i32.const 58))))
    (block $tail
      (loop $words
        (br_if $tail (i32.lt_u (local.get $length) (i32.const 8)))
        (i64.store (local.get $at) (call $random))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $length (i32.sub (local.get $length) (i32.const 8)))
        (br $words)))
    (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
    (local.set $word (call $random))
    (loop $bytes
      (i64.store8 (local.get $at) (local.get $word))
      (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $bytes (local.tee $length (i32.sub (local.get $length) (i32.const 1)))))
    (i32.const 0))

  (func (export "proc_exit") (param $code i32)
    (if (global.get $away) (then (unreachable)))
    (call $exit (i32.ne (local.get $code) (i32.const 0)))
    (unreachable))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 58))
  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; The length of all vectors.
  (func $sum (param $iovs i32) (param $count i32) (result i32)
    (local $total i32)
    (block $end
      (loop $vectors
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $iovs))))
        (local.set $iovs (i32.add (local.get $iovs) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $vectors)))
    (local.get $total))

  ;; Standard output and error. 8: no such descriptor; 29: the stream failed.
  (func (export "fd_write") (param $fd i32) (param $iovs i32) (param $count i32) (param $written i32) (result i32)
    (local $stream i32) (local $at i32) (local $left i32) (local $part i32) (local $total i32) (local $failed i32)
    (local $first i64) (local $second i64) (local $third i64)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (if (global.get $away)
      (then
        (i32.store (local.get $written) (call $sum (local.get $iovs) (local.get $count)))
        (return (i32.const 0))))
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then
        (if (i32.eqz (global.get $stdout)) (then (global.set $stdout (call $get_stdout))))
        (local.set $stream (global.get $stdout)))
      (else
        (if (i32.eqz (global.get $stderr)) (then (global.set $stderr (call $get_stderr))))
        (local.set $stream (global.get $stderr))))
    (local.set $first (i64.load (i32.const 16)))
    (local.set $second (i64.load (i32.const 24)))
    (local.set $third (i64.load (i32.const 32)))
    (block $end
      (loop $vectors
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $iovs)))
        (local.set $left (i32.load offset=4 (local.get $iovs)))
        (block $done
          (loop $parts
            (br_if $done (i32.eqz (local.get $left)))
            ;; The stream takes at most 4,096 bytes at a time.
            (local.set $part (select (local.get $left) (i32.const 4096)
              (i32.lt_u (local.get $left) (i32.const 4096))))
            (call $write (local.get $stream) (local.get $at) (local.get $part) (i32.const 16))
            (if (i32.load8_u (i32.const 16))
              (then
                (local.set $failed (i32.const 29))
                (br $end)))
            (local.set $at (i32.add (local.get $at) (local.get $part)))
            (local.set $left (i32.sub (local.get $left) (local.get $part)))
            (local.set $total (i32.add (local.get $total) (local.get $part)))
            (br $parts)))
        (local.set $iovs (i32.add (local.get $iovs) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $vectors)))
    (i64.store (i32.const 16) (local.get $first))
    (i64.store (i32.const 24) (local.get $second))
    (i64.store (i32.const 32) (local.get $third))
    (i32.store (local.get $written) (local.get $total))
    (local.get $failed))

  ;; Standard input is at its end.
  (func (export "fd_read") (param $fd i32) (param $iovs i32) (param $count i32) (param $read i32) (result i32)
    (if (local.get $fd) (then (return (i32.const 8))))
    (i32.store (local.get $read) (i32.const 0))
    (i32.const 0))
  ;; The three standard streams are character devices.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $stat) (i64.const 2))
    (i64.store offset=8 (local.get $stat) (i64.const -1))
    (i64.store offset=16 (local.get $stat) (i64.const -1))
    (i32.const 0))

  ;; There are no files and no sockets. 8: no such descriptor; 76: not capable.
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 76))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 76))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 76)))
