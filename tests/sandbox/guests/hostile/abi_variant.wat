;; ABI: case 200 of a variant that has two, with a payload that no case has.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store8 (i32.const 0) (i32.const 200))
      (i64.store (i32.const 8) (i64.const -1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (type $shape (variant (case "circle" u64) (case "name" string)))
  (export $s "shape" (type $shape))
  (func $run (result $shape) (canon lift (core func $i "run") (memory (core memory $i "memory"))))
  (export "run" (func $run) (func (result $s))))
