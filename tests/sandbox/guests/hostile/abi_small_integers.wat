;; ABI: integers of 8 and 16 bits with rubbish above them, handed through by a tool that never looks.
;; The host takes of each what its type says.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\ff\55\ff\ff")
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (tuple u8 s16)) (canon lift (core func $i "run") (memory (core memory $i "memory")))))
