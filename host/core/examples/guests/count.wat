;; `count: func(to: u32)`: reports its progress after each step, and sends a chunk of output after the last.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "countingcounted"))
  (core instance $libc (instantiate $libc))
  (core func $report (canon lower (func $progress "report") (memory (core memory $libc "memory"))))
  (core func $emit (canon lower (func $progress "emit") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "report" (func $report (param i64 i32 i64 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32)))
    (func (export "count") (param $to i32)
      (local $done i32)
      (block $end
        (loop $next
          (br_if $end (i32.ge_u (local.get $done) (local.get $to)))
          (local.set $done (i32.add (local.get $done) (i32.const 1)))
          (call $report
            (i64.extend_i32_u (local.get $done))
            (i32.const 1) (i64.extend_i32_u (local.get $to)) ;; some(to)
            (i32.const 0) (i32.const 8)) ;; "counting"
          (br $next)))
      (call $emit (i32.const 8) (i32.const 7)))) ;; "counted"
  (core instance $i (instantiate $m
    (with "host" (instance (export "report" (func $report)) (export "emit" (func $emit))))))
  (func (export "count") (param "to" u32) (canon lift (core func $i "count"))))
