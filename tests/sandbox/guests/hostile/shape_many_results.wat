;; Shapes: a result of a hundred tuples of a hundred: ten thousand values by one pointer.
(component
  (type $row (tuple
    u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8
    u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8
    u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8
    u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8
    u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8))
  (type $all (tuple
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row
    $row $row $row $row $row $row $row $row $row $row))
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32) (i32.const 0xf000)))
  (core instance $i (instantiate $m))
  (func (export "run") (result $all) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
