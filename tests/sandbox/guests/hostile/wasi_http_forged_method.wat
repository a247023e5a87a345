;; WASI: declares that a copy of headers is a timer, and blocks on what it gets. The types of these
;; functions are the skill's own, but an empty shell is no timer, and the engine sees it.
(component
  (import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:http/types@0.2.6" (instance $http
    (alias outer 1 $pollable (type $p'))
    (export "pollable" (type $p (eq $p')))
    (export "fields" (type $f (sub resource)))
    (export "[constructor]fields" (func (result (own $f))))
    (export "[method]fields.clone" (func (param "self" (borrow $f)) (result (own $p))))))
  (core func $fields (canon lower (func $http "[constructor]fields")))
  (core func $clone (canon lower (func $http "[method]fields.clone")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core module $m
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "clone" (func $clone (param i32) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (func (export "run") (call $block (call $clone (call $fields)))))
  (core instance $i (instantiate $m
    (with "host" (instance
      (export "fields" (func $fields)) (export "clone" (func $clone)) (export "block" (func $block))))))
  (func (export "run") (canon lift (core func $i "run"))))
