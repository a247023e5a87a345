//! One function for each file in `guests/hostile`: a guest without one does not compile.
//!
//! The file's own comment says what it attacks and why it ends as it does. Files and functions are
//! named by class, and each class has a file here.

mod abi;
mod flood;
mod handle;
mod instances;
mod left;
mod memory;
mod nested;
mod refused;
mod shape;
mod stack;
mod table;
mod time;
mod trap;
mod wasi;

pub(super) use abi::*;
pub(super) use flood::*;
pub(super) use handle::*;
pub(super) use instances::*;
pub(super) use left::*;
pub(super) use memory::*;
pub(super) use nested::*;
pub(super) use refused::*;
pub(super) use shape::*;
pub(super) use stack::*;
pub(super) use table::*;
pub(super) use time::*;
pub(super) use trap::*;
pub(super) use wasi::*;

use ringfence::Limits;
use serde_json::{Value, json};

use super::Case;
use crate::Expect;

/// Small limits: what is not tested by a guest must not slow the loop over all of them.
fn case(tool: &'static str, input: Value, expect: Expect, change: impl FnOnce(&mut Limits)) -> Case {
    let limits = crate::limits(|limits| {
        limits.fuel = 1_000_000;
        change(limits);
    });
    Case { tool, input, limits, expect }
}

/// The tool `run` without input, as nearly all of them have it.
fn run(expect: Expect) -> Case {
    limited(expect, |_| {})
}

fn limited(expect: Expect, change: impl FnOnce(&mut Limits)) -> Case {
    case("run", json!({}), expect, change)
}

fn given(input: Value, expect: Expect) -> Case {
    case("run", input, expect, |_| {})
}

/// A list in a list, so many levels deep.
fn nested(levels: u32, value: Value) -> Value {
    (0..levels).fold(value, |inner, _| Value::Array(vec![inner]))
}
