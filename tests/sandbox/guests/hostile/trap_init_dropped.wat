;; Traps: copies from a data segment that was dropped.
(component
  (core module $m
    (memory 1)
    (data $d "data")
    (func (export "run")
      (data.drop $d)
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
