;; Traps: calls through a table at an index beyond it.
(component
  (core module $m
    (type $f (func))
    (table 2 funcref)
    (func (export "run") (param i32) (call_indirect (type $f) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (param "index" u32) (canon lift (core func $i "run"))))
