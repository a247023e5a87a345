;; Nested: inner and outer component grow in turn. The limit is on the sum of their memories.
(component
  (component $inner
    (core module $m
      (memory 0)
      (func (export "grow") (result i32) (memory.grow (i32.const 1))))
    (core instance $i (instantiate $m))
    (func (export "grow") (result s32) (canon lift (core func $i "grow"))))
  (component $outer
    (import "grow" (func $grow (result s32)))
    (core func $grow (canon lower (func $grow)))
    (core module $m
      (import "inner" "grow" (func $grow (result i32)))
      (memory 0)
      (func (export "run") (result i32) (local $theirs i32)
        (loop $again
          (if (i32.ne (call $grow) (i32.const -1))
            (then
              (local.set $theirs (i32.add (local.get $theirs) (i32.const 1)))
              (drop (memory.grow (i32.const 1)))
              (br $again))))
        (i32.add (local.get $theirs) (memory.size))))
    (core instance $i (instantiate $m (with "inner" (instance (export "grow" (func $grow))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))
  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "grow" (func $inner "grow"))))
  (export "run" (func $outer "run")))
