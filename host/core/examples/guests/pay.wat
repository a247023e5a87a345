;; `can-pay: func(customer: u32, price: u32) -> bool`: asks the host for the customer's balance.
(component
  (import "acme:crm/customers@1.0.0" (instance $customers
    (export "balance" (func (param "customer" u32) (result u32)))))
  (core func $balance (canon lower (func $customers "balance")))
  (core module $m
    (import "host" "balance" (func $balance (param i32) (result i32)))
    (func (export "can-pay") (param $customer i32) (param $price i32) (result i32)
      (i32.ge_u (call $balance (local.get $customer)) (local.get $price))))
  (core instance $i (instantiate $m (with "host" (instance (export "balance" (func $balance))))))
  (func (export "can-pay") (param "customer" u32) (param "price" u32) (result bool)
    (canon lift (core func $i "can-pay"))))
