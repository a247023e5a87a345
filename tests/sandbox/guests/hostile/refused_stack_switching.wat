;; Refused: a type of stacks of its own.
(component
  (core module $m
    (type $f (func))
    (type $c (cont $f))
    (func (export "run") (drop (ref.null $c))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
