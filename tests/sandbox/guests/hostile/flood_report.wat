;; Floods: progress without a note, for ever. The number of host calls is bounded.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $report (canon lower (func $progress "report") (memory (core memory $libc "memory"))))
  (core module $m
    (import "host" "report" (func $report (param i64 i32 i64 i32 i32)))
    (func (export "run")
      (loop
        (call $report (i64.const -1) (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0))
        (br 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "report" (func $report))))))
  (func (export "run") (canon lift (core func $i "run"))))
