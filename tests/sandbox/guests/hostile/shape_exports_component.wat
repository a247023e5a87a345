;; Shapes: exports a component and a core module beside its tool. The compiler does not take that, and
;; says so.
(component
  (core module $m (func (export "run") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func $run (result u32) (canon lift (core func $i "run")))
  (component $c (import "run" (func (result u32))))
  (export "run" (func $run))
  (export "worker" (component $c))
  (export "code" (core module $m)))
