;; Time: the start function never returns, so the tool is never reached. Instantiation is part of the
;; run and burns the same fuel.
(component
  (core module $m
    (func $start (loop (br 0)))
    (start $start)
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
