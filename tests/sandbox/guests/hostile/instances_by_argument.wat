;; Instances: a component gets another one as an argument and instantiates it four times; which one,
;; only its caller says. What it makes is counted all the same, or ends at the limit of the run.
(component
  (component $worker
    (core module $n (memory 1) (func (export "run")))
    (core instance $n (instantiate $n))
    (func (export "run") (canon lift (core func $n "run"))))
  (component $many
    (import "worker" (component $worker (export "run" (func))))
    (instance (instantiate $worker))
    (instance (instantiate $worker))
    (instance (instantiate $worker))
    (instance $w (instantiate $worker))
    (export "run" (func $w "run")))
  (instance $all (instantiate $many (with "worker" (component $worker))))
  (export "run" (func $all "run")))
