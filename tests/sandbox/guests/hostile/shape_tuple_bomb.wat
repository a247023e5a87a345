;; Shapes: a tuple of twice the same tuple, 13 levels deep: 16,384 numbers of a byte, in a type of
;; fourteen lines. It is loaded, and what it answers is over the limit.
(component
  (type $t0 (tuple u8 u8))
  (type $t1 (tuple $t0 $t0))
  (type $t2 (tuple $t1 $t1))
  (type $t3 (tuple $t2 $t2))
  (type $t4 (tuple $t3 $t3))
  (type $t5 (tuple $t4 $t4))
  (type $t6 (tuple $t5 $t5))
  (type $t7 (tuple $t6 $t6))
  (type $t8 (tuple $t7 $t7))
  (type $t9 (tuple $t8 $t8))
  (type $t10 (tuple $t9 $t9))
  (type $t11 (tuple $t10 $t10))
  (type $t12 (tuple $t11 $t11))
  (type $t13 (tuple $t12 $t12))
  (core module $m
    (memory (export "memory") 3)
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result $t13) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
