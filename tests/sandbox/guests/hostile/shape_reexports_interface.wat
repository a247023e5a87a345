;; Shapes: exports the host's whole interface as its own. The compiler does not take that, and
;; says so.
(component
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (export "evil:skill/progress@0.1.0" (instance $progress)))
