;; Memory: one memory that begins with exactly the limit. It fits.
(component
  (core module $m (memory 64) (func (export "run") (result i32) (memory.size)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
