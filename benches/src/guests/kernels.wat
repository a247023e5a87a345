;; Nine kernels: what metering costs depends on what a loop does.
(component
  (core module $m
    (memory 128)
    ;; Calls: the 27th Fibonacci number, by recursion.
    (func $fib (param $n i32) (result i32)
      (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
        (then (local.get $n))
        (else (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
    (func (export "fib") (result i32) (call $fib (i32.const 27)))
    ;; Branches and stores: the primes below a million.
    (func (export "sieve") (result i32)
      (local $i i32) (local $j i32) (local $count i32)
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 1000000))
      (local.set $i (i32.const 2))
      (loop $next
        (if (i32.eqz (i32.load8_u (local.get $i)))
          (then
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (local.set $j (i32.add (local.get $i) (local.get $i)))
            (if (i32.lt_u (local.get $j) (i32.const 1000000))
              (then (loop $mark
                (i32.store8 (local.get $j) (i32.const 1))
                (local.set $j (i32.add (local.get $j) (local.get $i)))
                (br_if $mark (i32.lt_u (local.get $j) (i32.const 1000000))))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 1000000))))
      (local.get $count))
    ;; Additions, rotations and exclusive ors, as in a hash.
    (func (export "arx") (result i32)
      (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $n i32)
      (local.set $a (i32.const 0x61707865)) (local.set $b (i32.const 0x3320646e))
      (local.set $n (i32.const 1000000))
      (loop $next
        (local.set $a (i32.add (local.get $a) (local.get $b)))
        (local.set $d (i32.rotl (i32.xor (local.get $d) (local.get $a)) (i32.const 16)))
        (local.set $c (i32.add (local.get $c) (local.get $d)))
        (local.set $b (i32.rotl (i32.xor (local.get $b) (local.get $c)) (i32.const 12)))
        (local.set $a (i32.add (local.get $a) (local.get $b)))
        (local.set $d (i32.rotl (i32.xor (local.get $d) (local.get $a)) (i32.const 8)))
        (local.set $c (i32.add (local.get $c) (local.get $d)))
        (local.set $b (i32.rotl (i32.xor (local.get $b) (local.get $c)) (i32.const 7)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $a))
    ;; Bytes, one after the other.
    (func (export "bytes") (result i32)
      (local $i i32) (local $round i32)
      (local.set $round (i32.const 4))
      (loop $again
        (local.set $i (i32.const 0))
        (loop $next
          (i32.store8 offset=2097152 (local.get $i) (i32.load8_u (local.get $i)))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000))))
        (br_if $again (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
      (local.get $i))
    ;; Bytes, in bulk.
    (func (export "bulk") (result i32)
      (local $round i32)
      (local.set $round (i32.const 400))
      (loop $again
        (memory.copy (i32.const 2097152) (i32.const 0) (i32.const 65536))
        (br_if $again (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
      (local.get $round))
    ;; The smallest loop that does something.
    (func (export "tight") (result i32)
      (local $x i32) (local $n i32)
      (local.set $n (i32.const 20000000))
      (loop $next
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $x))
    ;; Loads and stores all over 4 MiB.
    (func (export "random") (result i32)
      (local $x i32) (local $n i32) (local $at i32)
      (local.set $x (i32.const 1))
      (local.set $n (i32.const 1000000))
      (loop $next
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $at (i32.and (i32.shr_u (local.get $x) (i32.const 8)) (i32.const 0x3ffffc)))
        (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (local.get $x)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $x))
    ;; Floats, each needing the one before.
    (func (export "f64") (result i32)
      (local $x f64) (local $n i32)
      (local.set $x (f64.const 0.5))
      (local.set $n (i32.const 5000000))
      (loop $next
        (local.set $x (f64.mul (f64.mul (f64.const 3.9) (local.get $x)) (f64.sub (f64.const 1) (local.get $x))))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i32.trunc_sat_f64_s (f64.mul (local.get $x) (f64.const 1000000))))
    ;; Four floats at a time: dot products of 768 numbers.
    (func (export "simd") (result i32)
      (local $sum v128) (local $i i32) (local $round i32)
      (local.set $round (i32.const 10000))
      (loop $again
        (local.set $i (i32.const 0))
        (loop $next
          (local.set $sum (f32x4.add (local.get $sum)
            (f32x4.mul (v128.load (local.get $i)) (v128.load offset=65536 (local.get $i)))))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (i32.const 3072))))
        (br_if $again (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
      (i32.trunc_sat_f32_s (f32x4.extract_lane 0 (local.get $sum)))))
  (core instance $i (instantiate $m))
  (func (export "fib") (result u32) (canon lift (core func $i "fib")))
  (func (export "sieve") (result u32) (canon lift (core func $i "sieve")))
  (func (export "arx") (result u32) (canon lift (core func $i "arx")))
  (func (export "bytes") (result u32) (canon lift (core func $i "bytes")))
  (func (export "bulk") (result u32) (canon lift (core func $i "bulk")))
  (func (export "tight") (result u32) (canon lift (core func $i "tight")))
  (func (export "random") (result u32) (canon lift (core func $i "random")))
  (func (export "f64") (result u32) (canon lift (core func $i "f64")))
  (func (export "simd") (result u32) (canon lift (core func $i "simd"))))
