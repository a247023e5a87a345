;; Refused: imports a resource of WASI as a function.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll (export "pollable" (func (result u32)))))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
