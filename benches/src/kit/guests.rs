//! Guests that more than one bench runs.

use std::fmt::Write as _;

/// `echo: func(text: string) -> string`.
pub(crate) fn echo() -> Vec<u8> {
    component(include_str!("../guests/echo.wat"))
}

/// A component from its text.
pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the guest's text is valid")
}

/// `run`, which returns 7, and so many functions of so many lines each that only the compiler has work with.
pub(crate) fn large(functions: u32, lines: u32) -> Vec<u8> {
    let mut body = String::from("(memory 1)");
    for i in 0..functions {
        body.push_str("(func (param i32) (result i32) (local i32)");
        for j in 0..lines {
            let _ = write!(
                body,
                "(local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const {}))))",
                i ^ j
            );
        }
        body.push_str("(local.get 1))");
    }
    component(&format!(
        r#"(component (core module $m {body} (func (export "run") (result i32) (i32.const 7)))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    ))
}
