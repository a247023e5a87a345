;; Time: the deadline passes in the start function of the second of two core instances.
(component
  (core module $first (func (export "run")))
  (core instance $first (instantiate $first))
  (core module $second
    (func $start (loop (br 0)))
    (start $start))
  (core instance (instantiate $second))
  (func (export "run") (canon lift (core func $first "run"))))
