;; WASI: ends itself in the start function.
(component
  (import "wasi:cli/exit@0.2.6" (instance $exit
    (export "exit" (func (param "status" (result))))))
  (core func $exit (canon lower (func $exit "exit")))
  (core module $m
    (import "host" "exit" (func $exit (param i32)))
    (func $start (call $exit (i32.const 1)))
    (start $start)
    (func (export "run")))
  (core instance $i (instantiate $m (with "host" (instance (export "exit" (func $exit))))))
  (func (export "run") (canon lift (core func $i "run"))))
