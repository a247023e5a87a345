;; Time: a tool that never returns. Nobody waits for it: its fuel runs out.
(component
  (core module $m (func (export "run") (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
