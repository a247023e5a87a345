;; Time: one instruction that writes 50,000 table elements costs fuel for each of them.
(component
  (core module $m
    (table $t 50000 funcref)
    (elem declare func $f)
    (func $f)
    (func (export "run")
      (loop
        (table.fill $t (i32.const 0) (ref.func $f) (i32.const 50000))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
