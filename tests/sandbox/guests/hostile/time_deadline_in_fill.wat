;; Time: bulk operations of 1 MiB, between which alone a run can be interrupted. The clock ends it.
(component
  (core module $m
    (memory 16)
    (func (export "run")
      (loop
        (memory.fill (i32.const 0) (i32.const 170) (i32.const 0x100000))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
