;; Time: a hundred million turns by a `br_table` that always goes to a loop.
(component
  (core module $m
    (func (export "run") (local $n i32)
      (loop $a
        (loop $b
          (loop $c
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_table $a $b $c (i32.and (local.get $n) (i32.const 3))))))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
