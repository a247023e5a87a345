;; ABI: the input is Latin-1 at first and turns out to be UTF-16, so that `realloc` is asked to enlarge
;; what it gave. It then gives a place beyond the memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (select (i32.const 32) (i32.const 0x10000) (i32.eqz (local.get 0))))
    (func (export "run") (param i32 i32)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      string-encoding=latin1+utf16)))
