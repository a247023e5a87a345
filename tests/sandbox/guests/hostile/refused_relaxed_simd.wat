;; Refused: an instruction whose result depends on the processor.
(component
  (core module $m
    (func (export "run") (result i32)
      (i32x4.extract_lane 0
        (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan nan nan nan)))))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))
