;; Never ends by itself: a loop that does nothing but burn fuel and time, and a tool that traps at once.
(component
  (core module $m
    (func (export "spin") (loop (br 0)))
    (func (export "trap") unreachable))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "trap") (canon lift (core func $i "trap"))))
