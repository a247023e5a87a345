;; Refused: a list of a fixed length, which is a type bomb of one word.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u8 1000000000))
    (canon lift (core func $i "run") (memory (core memory $i "memory")))))
