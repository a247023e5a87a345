;; ABI: a char beyond the last one of Unicode.
(component
  (core module $m (func (export "run") (result i32) (i32.const 0x110000)))
  (core instance $i (instantiate $m))
  (func (export "run") (result char) (canon lift (core func $i "run"))))
