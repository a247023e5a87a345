;; Memory: asks again and again for what was refused. The fuel ends it: the host's part of a growth
;; is not free of charge for ever.
(component
  (core module $m
    (memory 1)
    (func (export "run")
      (loop (drop (memory.grow (i32.const 1))) (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
