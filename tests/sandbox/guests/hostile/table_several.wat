;; Tables: the tables of four core instances grow in turn. The limit is on the sum.
(component
  (core module $m
    (table $t 0 funcref)
    (func (export "grow") (result i32)
      (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1)))
    (func (export "size") (result i32) (table.size $t)))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (core instance $c (instantiate $m))
  (core instance $d (instantiate $m))
  (core module $all
    (import "a" "grow" (func $a (result i32)))
    (import "b" "grow" (func $b (result i32)))
    (import "c" "grow" (func $c (result i32)))
    (import "d" "grow" (func $d (result i32)))
    (import "a" "size" (func $sa (result i32)))
    (import "b" "size" (func $sb (result i32)))
    (import "c" "size" (func $sc (result i32)))
    (import "d" "size" (func $sd (result i32)))
    (func (export "run") (result i32)
      (loop
        (br_if 0 (i32.or (i32.or (call $a) (call $b)) (i32.or (call $c) (call $d)))))
      (i32.add (i32.add (call $sa) (call $sb)) (i32.add (call $sc) (call $sd)))))
  (core instance $i (instantiate $all
    (with "a" (instance $a)) (with "b" (instance $b)) (with "c" (instance $c)) (with "d" (instance $d))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
