;; Lies at the boundary: answers with a text that lies one byte beyond its memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "answer") (result i32)
      (i32.store (i32.const 0) (i32.const 0xffff))
      (i32.store (i32.const 4) (i32.const 2))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "answer") (result string)
    (canon lift (core func $i "answer") (memory (core memory $i "memory")))))
