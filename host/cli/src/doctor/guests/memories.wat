;; Four instances with a memory each, which grow in turn until all four are refused: a limit on each
;; would let them have four times as much. The answer is the sum of their pages.
(component
  (core module $m
    (memory 0)
    (func (export "grow") (result i32) (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
    (func (export "pages") (result i32) (memory.size)))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (core instance $c (instantiate $m))
  (core instance $d (instantiate $m))
  (core module $all
    (import "a" "grow" (func $a (result i32)))
    (import "b" "grow" (func $b (result i32)))
    (import "c" "grow" (func $c (result i32)))
    (import "d" "grow" (func $d (result i32)))
    (import "a" "pages" (func $pa (result i32)))
    (import "b" "pages" (func $pb (result i32)))
    (import "c" "pages" (func $pc (result i32)))
    (import "d" "pages" (func $pd (result i32)))
    (func (export "grow") (result i32)
      (loop
        (br_if 0 (i32.or (i32.or (call $a) (call $b)) (i32.or (call $c) (call $d)))))
      (i32.add (i32.add (call $pa) (call $pb)) (i32.add (call $pc) (call $pd)))))
  (core instance $i (instantiate $all
    (with "a" (instance $a)) (with "b" (instance $b)) (with "c" (instance $c)) (with "d" (instance $d))))
  (func (export "grow") (result u32) (canon lift (core func $i "grow"))))
