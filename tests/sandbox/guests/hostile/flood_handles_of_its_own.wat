;; Floods: 100,000 handles to a resource of the component's own, made without a host call.
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (func (export "run") (local $n i32)
      (loop
        (drop (call $new (local.get $n)))
        (br_if 0 (i32.lt_u
          (local.tee $n (i32.add (local.get $n) (i32.const 1)))
          (i32.const 100000))))))
  (core instance $i (instantiate $m (with "host" (instance (export "new" (func $new))))))
  (func (export "run") (canon lift (core func $i "run"))))
