;; ABI: a number of 8 bits, given in a register with rubbish above it. The canonical ABI cuts it off.
(component
  (core module $m (func (export "run") (result i32) (i32.const 0x123456ff)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u8) (canon lift (core func $i "run"))))
