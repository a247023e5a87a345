//! The wasm stack: recursion of every kind.

use super::super::Case;
use super::run;
use crate::Expect::Trap;

/// Two functions that call each other with 100 values each, so that a frame takes more than a kilobyte and may step over a guard page.
pub(in super::super) fn stack_big_frames() -> Case {
    run(Trap("stack-overflow"))
}

/// A function that calls itself for ever.
pub(in super::super) fn stack_recursion() -> Case {
    run(Trap("stack-overflow"))
}

/// Endless recursion in the start function.
pub(in super::super) fn stack_recursion_in_start() -> Case {
    run(Trap("stack-overflow"))
}

/// Recursion that no call graph shows, through a table.
pub(in super::super) fn stack_recursion_through_table() -> Case {
    run(Trap("stack-overflow"))
}
