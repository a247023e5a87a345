;; Traps: copies from the memory over its end.
(component
  (core module $m
    (memory 1)
    (func (export "run") (memory.copy (i32.const 0x8000) (i32.const 0) (i32.const 0x8001))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
