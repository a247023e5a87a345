//! The edge: what is taken, what is refused, and that what runs there runs as it does elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bundle;
mod hostile;
mod https;
mod program;
mod serve;
mod small;
mod worker;

use ringfence_edge_tests::ECHO;

/// A tool `spin` that never ends.
const SPIN: &str = r#"
(component
  (core module $m (func (export "spin") (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))"#;

/// A tool `number` that gives this number.
fn number(number: u32) -> String {
    format!(
        r#"(component
          (core module $m (func (export "number") (result i32) (i32.const {number})))
          (core instance $i (instantiate $m))
          (func (export "number") (result u32) (canon lift (core func $i "number"))))"#
    )
}
