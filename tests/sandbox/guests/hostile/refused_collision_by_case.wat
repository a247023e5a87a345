;; Refused: two interfaces export functions whose tool names differ only in capitals.
(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func $run (canon lift (core func $i "run")))
  (instance $a (export "run" (func $run)))
  (instance $b (export "RUN" (func $run)))
  (export "good:package/tools@1.0.0" (instance $a))
  (export "evil:package/tools@1.0.0" (instance $b)))
