;; Floods: handles to a resource of the component's own, made and dropped without end, which is never a
;; host call. The fuel ends it.
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "run")
      (loop (call $drop (call $new (i32.const 1))) (br 0))))
  (core instance $i (instantiate $m
    (with "host" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $i "run"))))
