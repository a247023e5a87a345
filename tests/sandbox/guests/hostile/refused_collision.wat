;; Refused: two interfaces of different packages export functions that come to the same tool name.
(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func $run (canon lift (core func $i "run")))
  (instance $tools (export "run" (func $run)))
  (export "good:package/tools@1.0.0" (instance $tools))
  (export "evil:package/tools@1.0.0" (instance $tools)))
