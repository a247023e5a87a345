//! One function for each file in `guests/hostile`: a guest without one does not compile.

use ringfence::Limits;
use serde_json::{Value, json};

use super::Case;
use crate::Expect;

/// Small limits: what is not tested by a guest must not slow the loop over all of them.
fn case(tool: &'static str, input: Value, expect: Expect, change: impl FnOnce(&mut Limits)) -> Case {
    let mut limits = Limits::default();
    limits.fuel = 1_000_000;
    change(&mut limits);
    Case { tool, input, limits, expect }
}

/// Never returns: the fuel ends it.
pub(super) fn spin() -> Case {
    case("run", json!({}), Expect::Outcome("out-of-fuel"), |_| {})
}
