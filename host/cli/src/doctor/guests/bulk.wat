;; Takes `pages` of memory and fills all of it in one instruction, over and over. The engine cannot
;; interrupt such an instruction: only between two of them can the clock end the run.
(component
  (core module $m
    (memory 0)
    (func (export "fill") (param $pages i32)
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
      (loop
        (memory.fill (i32.const 0) (i32.const 0xaa) (i32.mul (local.get $pages) (i32.const 0x10000)))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "fill") (param "pages" u32) (canon lift (core func $i "fill"))))
