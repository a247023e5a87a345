;; Refused: a resource of its own in a tool's signature: nothing in JSON could hold it.
(component
  (type $r' (resource (rep i32)))
  (export $r "thing" (type $r'))
  (core module $m (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func $run (result (own $r')) (canon lift (core func $i "run")))
  (export "run" (func $run) (func (result (own $r)))))
