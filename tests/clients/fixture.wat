;; What the conformance suite asks a server for, as far as a skill can be it. Submitted as `test`, so that the suite's
;; `test_simple_text` is the tool `simple_text`, which is the function `text` of the interface `simple`.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $libc
    (memory (export "memory") 1)
    (data (i32.const 64) "This is a simple text response for testing.")
    (data (i32.const 128) "This tool intentionally returns an error for testing")
    ;; A string, and a `result` whose `err` is a string: each as its address and length.
    (data (i32.const 0) "\40\00\00\00\2b\00\00\00")
    (data (i32.const 16) "\01\00\00\00\80\00\00\00\34\00\00\00"))
  (core instance $libc (instantiate $libc))
  (core func $report (canon lower (func $progress "report") (memory (core memory $libc "memory"))))
  (core module $code
    (import "host" "report" (func $report (param i64 i32 i64 i32 i32)))
    (func (export "text") (result i32) (i32.const 0))
    (func (export "handling") (result i32) (i32.const 16))
    (func (export "count") (result i32)
      (call $report (i64.const 0) (i32.const 1) (i64.const 100) (i32.const 0) (i32.const 0))
      (call $report (i64.const 50) (i32.const 1) (i64.const 100) (i32.const 0) (i32.const 0))
      (call $report (i64.const 100) (i32.const 1) (i64.const 100) (i32.const 0) (i32.const 0))
      (i32.const 3)))
  (core instance $code (instantiate $code (with "host" (instance (export "report" (func $report))))))
  (func $text (result string)
    (canon lift (core func $code "text") (memory (core memory $libc "memory"))))
  (func $handling (result (result string (error string)))
    (canon lift (core func $code "handling") (memory (core memory $libc "memory"))))
  (func $count (result u32) (canon lift (core func $code "count")))
  (instance $simple (export "text" (func $text)))
  (instance $error (export "handling" (func $handling)))
  (instance $steps (export "count" (func $count)))
  (export "fixture:conformance/simple" (instance $simple))
  (export "fixture:conformance/error" (instance $error))
  (export "fixture:conformance/steps" (instance $steps))
  (@custom "ringfence:skill" "{\"description\": \"Fixtures of the conformance suite\", \"skill-md\": \"---\\nname: test\\ndescription: Fixtures of the conformance suite\\n---\\nThree tools without arguments.\\n\"}"))
