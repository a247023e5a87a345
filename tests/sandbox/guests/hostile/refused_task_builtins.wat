;; Refused: a built-in of async tasks, without an async function.
(component
  (core func $yield (canon thread.yield))
  (core module $m
    (import "host" "yield" (func $yield (result i32)))
    (func (export "run") (loop (drop (call $yield)) (br 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "yield" (func $yield))))))
  (func (export "run") (canon lift (core func $i "run"))))
