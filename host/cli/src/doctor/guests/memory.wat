;; One memory: `take` asks for so many pages at once and writes into the last byte of them; `beyond`
;; grows page by page until that is refused, and then gives up as library code does.
(component
  (core module $m
    (memory 0)
    (func (export "take") (param $pages i32) (result i32)
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
      (if (local.get $pages) (then
        (i32.store8
          (i32.sub (i32.mul (local.get $pages) (i32.const 0x10000)) (i32.const 1))
          (i32.const 1))))
      (memory.size))
    (func (export "beyond")
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "take") (param "pages" u32) (result u32) (canon lift (core func $i "take")))
  (func (export "beyond") (canon lift (core func $i "beyond"))))
