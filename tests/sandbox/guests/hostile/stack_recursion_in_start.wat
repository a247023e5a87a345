;; Stack: endless recursion in the start function.
(component
  (core module $m
    (func $again (call $again) (call $again))
    (start $again)
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
