;; Floods: a result of 60 MiB of bytes: two gigabytes in the host, if it took them all.
(component
  (core module $m
    (memory (export "memory") 960)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 0x3bffff0))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u8)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
