;; Time: a loop of calls to a function that does nothing: calls cost fuel as well.
(component
  (core module $m
    (func $nothing)
    (func (export "run") (loop (call $nothing) (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
