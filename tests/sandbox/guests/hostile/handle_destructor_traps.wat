;; Handles: the destructor of a resource of its own traps.
(component
  (core module $d (func (export "gone") (param i32) unreachable))
  (core instance $d (instantiate $d))
  (type $r (resource (rep i32) (dtor (core func $d "gone"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "run") (call $drop (call $new (i32.const 1)))))
  (core instance $i (instantiate $m
    (with "host" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $i "run"))))
