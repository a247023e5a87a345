;; What a compile bomb is made of: the doctor repeats the last function some ten thousand times, and
;; every copy costs the compiler as much as this one.
(component
  (core module $m
    (memory 1)
    (func (export "run"))
    (func (param i32) (result i32) (local i32)
      (local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const 3))))
      (local.set 1 (i32.add (i32.load (local.get 1)) (i32.mul (local.get 0) (i32.const 5))))
      (local.set 0 (i32.xor (i32.load (local.get 1)) (i32.mul (local.get 0) (i32.const 7))))
      (local.set 1 (i32.add (i32.load (local.get 0)) (i32.div_u (local.get 1) (i32.const 9))))
      (i32.store (local.get 1) (local.get 0))
      (loop (br_if 0 (i32.lt_u
        (local.tee 0 (i32.add (local.get 0) (i32.load (local.get 1)))) (i32.const 11))))
      (local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const 13))))
      (local.set 0 (i32.xor (i32.load (local.get 1)) (i32.rem_u (local.get 0) (i32.const 17))))
      (i32.store (local.get 0) (local.get 1))
      (local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const 19))))
      (local.set 0 (i32.xor (i32.load (local.get 1)) (i32.mul (local.get 0) (i32.const 23))))
      (i32.add (local.get 0) (local.get 1))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
