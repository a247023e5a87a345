//! The edge: what is taken, what is refused, and that what runs there runs as it does elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bundle;
mod hostile;
mod https;
mod program;
mod serve;
mod small;
mod worker;

/// A tool `echo` that gives its text back.
const ECHO: &str = r#"
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#;

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
