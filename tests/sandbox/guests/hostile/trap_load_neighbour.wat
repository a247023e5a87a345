;; Traps: looks for a neighbour's memory in steps of 64 KiB, of which the first already ends it.
(component
  (core module $m
    (memory 1)
    (func (export "run") (result i32) (local $at i32) (local $sum i32)
      (loop
        (local.set $sum (i32.or (local.get $sum) (i32.load (local.get $at))))
        (br_if 0 (local.tee $at (i32.add (local.get $at) (i32.const 0x10000)))))
      (local.get $sum)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
