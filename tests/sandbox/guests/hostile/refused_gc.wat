;; Refused: an object for the garbage collector.
(component
  (core module $m
    (type $s (struct (field i32)))
    (func (export "run") (drop (struct.new $s (i32.const 1)))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
