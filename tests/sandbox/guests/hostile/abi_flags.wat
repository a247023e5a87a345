;; ABI: flags with bits that no flag has. The canonical ABI ignores them.
(component
  (core module $m (func (export "run") (result i32) (i32.const 0xfffffff9)))
  (core instance $i (instantiate $m))
  (type $mode (flags "read" "write" "execute"))
  (export $m "mode" (type $mode))
  (func $run (result $mode) (canon lift (core func $i "run")))
  (export "run" (func $run) (func (result $m))))
