;; Refused: an async function. The engine would panic at the call.
(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") async (canon lift (core func $i "run") async)))
