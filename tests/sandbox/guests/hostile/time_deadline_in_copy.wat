;; Time: a loop of copies that overlap with themselves, of 1 MiB less one byte each.
(component
  (core module $m
    (memory 16)
    (func (export "run")
      (loop
        (memory.copy (i32.const 1) (i32.const 0) (i32.const 0xfffff))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
