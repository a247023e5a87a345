;; ABI: the fourth case of an enum that has three.
(component
  (core module $m (func (export "run") (result i32) (i32.const 3)))
  (core instance $i (instantiate $m))
  (type $color (enum "red" "green" "blue"))
  (export $c "color" (type $color))
  (func $run (result $color) (canon lift (core func $i "run")))
  (export "run" (func $run) (func (result $c))))
