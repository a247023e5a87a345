//! Leftovers of earlier runs: there are none.

use serde_json::json;

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Trap, Value as Gives};

/// Looks whether anything of an earlier run is there (memory, data, globals, table, dropped segments), and then dirties all of it: 800 KB of memory, and two pages more by growing.
pub(in super::super) fn left_over() -> Case {
    limited(Gives(json!(0)), |limits| limits.fuel = 20_000_000)
}

/// The start function looks at a memory without data and dirties it; the memory is another instance's by the next run.
pub(in super::super) fn left_over_by_start() -> Case {
    limited(Gives(json!(true)), |limits| limits.fuel = 20_000_000)
}

/// The same, in a run that ends by a trap after it has dirtied 800 KB: what the trap leaves behind is found by the next run, which then traps otherwise.
pub(in super::super) fn left_over_by_trap() -> Case {
    limited(Trap("integer-division-by-zero"), |limits| limits.fuel = 20_000_000)
}

/// Fills the stack by recursion, and then looks at locals that were never set.
pub(in super::super) fn left_over_on_the_stack() -> Case {
    run(Gives(json!(0)))
}
