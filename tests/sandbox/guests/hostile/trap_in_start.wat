;; Traps: gives up in the start function.
(component
  (core module $m (func $start unreachable) (start $start) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
