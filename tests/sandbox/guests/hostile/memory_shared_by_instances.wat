;; Memory: one memory that three core instances import and grow. It counts once.
(component
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core module $m
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32)
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (memory.size)))
  (core instance (instantiate $m (with "libc" (instance $libc))))
  (core instance (instantiate $m (with "libc" (instance $libc))))
  (core instance $i (instantiate $m (with "libc" (instance $libc))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
