;; Time: one instruction that writes 1 MiB. A bulk operation costs a unit of fuel for each byte, so the
;; second one is never done.
(component
  (core module $m
    (memory 16)
    (func (export "run")
      (loop
        (memory.fill (i32.const 0) (i32.const 170) (i32.const 0x100000))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
