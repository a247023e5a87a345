;; ABI: traps in a function whose name holds an escape sequence for terminals and a line break. The
;; backtrace has it without them.
(component
  (core module $m
    (func (@name "\1b]0;owned\07\0a\e2\80\aefdp") (export "run") unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
