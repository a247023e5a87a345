;; Traps: fills 4 GiB less a byte from 64 KiB less one on, with the fuel for it: the end is small for
;; whoever forgets the carry.
(component
  (core module $m
    (memory 1)
    (func (export "run") (memory.fill (i32.const 0xffff) (i32.const 1) (i32.const -1))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
