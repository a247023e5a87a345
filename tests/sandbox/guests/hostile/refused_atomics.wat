;; Refused: waits on an atomic, which would block a thread of the host.
(component
  (core module $m
    (memory 1)
    (func (export "run")
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
