;; Refused: a call through a typed reference.
(component
  (core module $m
    (type $f (func))
    (elem declare func $g)
    (func $g)
    (func (export "run") (call_ref $f (ref.func $g))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
