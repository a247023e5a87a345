;; Time: a loop that copies a segment of functions into a table and a part of that table over another.
;; Each element costs fuel.
(component
  (core module $m
    (table $t 64 funcref)
    (elem $e func $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f $f)
    (func $f)
    (func (export "run")
      (loop
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 32))
        (table.copy $t $t (i32.const 32) (i32.const 0) (i32.const 32))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
