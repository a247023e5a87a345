;; ABI: a bool of seven. The canonical ABI reads everything but zero as true.
(component
  (core module $m (func (export "run") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func (export "run") (result bool) (canon lift (core func $i "run"))))
