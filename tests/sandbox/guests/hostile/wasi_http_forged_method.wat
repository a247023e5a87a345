;; WASI: declares that the headers of a response to nobody are a timer, and blocks on what it gets. The
;; types of these functions are the skill's own, but the host makes nothing of another type than its own.
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
    (export "outgoing-response" (type $r (sub resource)))
    (export "[constructor]outgoing-response" (func (param "headers" (own $f)) (result (own $r))))
    (export "[method]outgoing-response.headers" (func (param "self" (borrow $r)) (result (own $p))))))
  (core func $fields (canon lower (func $http "[constructor]fields")))
  (core func $response (canon lower (func $http "[constructor]outgoing-response")))
  (core func $headers (canon lower (func $http "[method]outgoing-response.headers")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core module $m
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "response" (func $response (param i32) (result i32)))
    (import "host" "headers" (func $headers (param i32) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (func (export "run") (call $block (call $headers (call $response (call $fields))))))
  (core instance $i (instantiate $m
    (with "host" (instance
      (export "fields" (func $fields)) (export "response" (func $response))
      (export "headers" (func $headers)) (export "block" (func $block))))))
  (func (export "run") (canon lift (core func $i "run"))))
