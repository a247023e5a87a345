;; Refused: a map in a signature.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (result (map string u32)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
