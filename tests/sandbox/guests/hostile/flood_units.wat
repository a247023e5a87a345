;; Floods: a list of 60 million results that hold nothing: a byte each for the guest, much more for the
;; host.
(component
  (core module $m
    (memory (export "memory") 960)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 0x3bffff0))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list (result))) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
