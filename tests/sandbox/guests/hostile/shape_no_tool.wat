;; Shapes: is asked for a tool that it has only inside.
(component
  (core module $m (func (export "hidden")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "hidden"))))
