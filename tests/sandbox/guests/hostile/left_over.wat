;; Leftovers: looks whether anything of an earlier run is there (memory, data, globals, table, dropped
;; segments), and then dirties all of it: 800 KB of memory, and two pages more by growing. The answer
;; is 0 in every run, however often it runs: anything else names what it found.
(component
  (core module $m
    (memory 13)
    (data (i32.const 16) "pristine")
    (data $passive "passive!")
    (global $g (mut i64) (i64.const 7))
    (table $t 100 funcref)
    (elem (i32.const 3) func $f)
    (elem $segment func $f $f)
    (func $f)
    (func (export "run") (result i32)
      (local $at i32)
      ;; The data is as in the file.
      (if (i64.ne (i64.load (i32.const 16)) (i64.const 0x656e697473697270)) (then (return (i32.const 1))))
      ;; The memory is as large as in the file, and zero from 24 to its end.
      (if (i32.ne (memory.size) (i32.const 13)) (then (return (i32.const 2))))
      (local.set $at (i32.const 24))
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 3))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 851968))))
      ;; So are two pages more.
      (if (i32.ne (memory.grow (i32.const 2)) (i32.const 13)) (then (return (i32.const 4))))
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 5))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 983040))))
      ;; The global and the table.
      (if (i64.ne (global.get $g) (i64.const 7)) (then (return (i32.const 6))))
      (if (i32.ne (table.size $t) (i32.const 100)) (then (return (i32.const 7))))
      (if (ref.is_null (table.get $t (i32.const 3))) (then (return (i32.const 8))))
      (if (i32.eqz (ref.is_null (table.get $t (i32.const 99)))) (then (return (i32.const 9))))
      (if (i32.ne (table.grow $t (ref.null func) (i32.const 50)) (i32.const 100))
        (then (return (i32.const 10))))
      (if (i32.eqz (ref.is_null (table.get $t (i32.const 149)))) (then (return (i32.const 11))))
      ;; The passive segments, which trap when they were dropped.
      (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 8))
      (table.init $t $segment (i32.const 0) (i32.const 0) (i32.const 2))
      ;; Now all of it is dirtied.
      (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const 983040))
      (table.fill $t (i32.const 0) (ref.func $f) (i32.const 150))
      (table.set $t (i32.const 3) (ref.null func))
      (global.set $g (i64.const -1))
      (data.drop $passive)
      (elem.drop $segment)
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
