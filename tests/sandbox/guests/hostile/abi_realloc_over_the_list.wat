;; ABI: `realloc` gives the place of the list itself for the strings in it: the host overwrites what it
;; is writing, within the guest's memory, and the guest reads rubbish as a pointer.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
    (func (export "run") (param i32 i32) (result i32)
      (i32.store (i32.const 64) (i32.load (i32.const 8)))
      (i32.store (i32.const 68) (i32.load (i32.const 4)))
      (i32.const 64)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "words" (list string)) (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
