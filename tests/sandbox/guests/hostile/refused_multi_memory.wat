;; Refused: two memories in one module. The engine itself would take it: its adapters need it.
(component
  (core module $m (memory 1) (memory 1) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
