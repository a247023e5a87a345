;; Nested: twenty components, each around the one before, hand a function through. It is called.
(component
  (component $c0
    (core module $m (func (export "run") (result i32) (i32.const 7)))
    (core instance $i (instantiate $m))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (component $c1
    (alias outer 1 $c0 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c2
    (alias outer 1 $c1 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c3
    (alias outer 1 $c2 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c4
    (alias outer 1 $c3 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c5
    (alias outer 1 $c4 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c6
    (alias outer 1 $c5 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c7
    (alias outer 1 $c6 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c8
    (alias outer 1 $c7 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c9
    (alias outer 1 $c8 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c10
    (alias outer 1 $c9 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c11
    (alias outer 1 $c10 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c12
    (alias outer 1 $c11 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c13
    (alias outer 1 $c12 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c14
    (alias outer 1 $c13 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c15
    (alias outer 1 $c14 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c16
    (alias outer 1 $c15 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c17
    (alias outer 1 $c16 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c18
    (alias outer 1 $c17 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c19
    (alias outer 1 $c18 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (component $c20
    (alias outer 1 $c19 (component $c))
    (instance $i (instantiate $c))
    (export "run" (func $i "run")))
  (instance $last (instantiate $c20))
  (export "run" (func $last "run")))
