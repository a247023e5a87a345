;; Nested: a component inside the component ends the whole run by `exit`.
(component
  (import "wasi:cli/exit@0.2.6" (instance $exit
    (export "exit" (func (param "status" (result))))))
  (component $inner
    (import "exit" (func $exit (param "status" (result))))
    (core func $exit (canon lower (func $exit)))
    (core module $m
      (import "host" "exit" (func $exit (param i32)))
      (func (export "run") (call $exit (i32.const 1))))
    (core instance $i (instantiate $m (with "host" (instance (export "exit" (func $exit))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (component $outer
    (import "run" (func $run))
    (core func $run (canon lower (func $run)))
    (core module $m
      (import "inner" "run" (func $run))
      (func (export "run") (call $run)))
    (core instance $i (instantiate $m (with "inner" (instance (export "run" (func $run))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner (with "exit" (func $exit "exit"))))
  (instance $outer (instantiate $outer (with "run" (func $inner "run"))))
  (export "run" (func $outer "run")))
