;; Traps: a data segment at 4 GiB less two bytes of a memory of one page.
(component
  (core module $m
    (memory 1)
    (data (i32.const 0) "in the memory")
    (data (i32.const -2) "over the end")
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
