;; Takes a text and answers its length. The text goes behind all memory that there is.
(component
  (core module $m
    (memory (export "memory") 0)
    (func (export "realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.mul (memory.size) (i32.const 0x10000)))
      (if (i32.eq (i32.const -1)
            (memory.grow (i32.div_u (i32.add (local.get $size) (i32.const 0xffff)) (i32.const 0x10000))))
        (then unreachable))
      (local.get $at))
    (func (export "length") (param $some i32) (param $at i32) (param $bytes i32) (result i32)
      (local.get $bytes)))
  (core instance $i (instantiate $m))
  (func (export "length") (param "text" (option string)) (result u32)
    (canon lift (core func $i "length")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
