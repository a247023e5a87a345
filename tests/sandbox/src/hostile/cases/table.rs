//! Tables: their elements are a total as well.

use serde_json::json;

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Outcome, Refused, Trap, Value as Gives};

/// 64 tables in one module, as many as a skill may have, each filled at the start.
pub(in super::super) fn table_all() -> Case {
    run(Gives(json!(1)))
}

/// Grows a table until that is refused, and gives up.
pub(in super::super) fn table_grow() -> Case {
    run(Outcome("memory-limit"))
}

/// Grows until that is refused, and goes on with exactly as many elements as the limit.
pub(in super::super) fn table_grow_and_go_on() -> Case {
    limited(Gives(json!(1000)), |limits| limits.table_elements = 1_000)
}

/// Asks for 2^32 - 1 elements in one step, with the fuel for it: the engine charges a unit for each, before it asks for leave.
pub(in super::super) fn table_grow_at_once() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.fuel = 10_000_000_000)
}

/// Asks for 2^32 - 1 elements in one step.
pub(in super::super) fn table_grow_fuel() -> Case {
    run(Outcome("out-of-fuel"))
}

/// Grows past the table's own maximum: -1, and the trap that follows is an ordinary one.
pub(in super::super) fn table_grow_past_own_maximum() -> Case {
    run(Trap("unreachable"))
}

/// A table that begins with more elements than a skill may have is seen in the file.
pub(in super::super) fn table_minimum() -> Case {
    run(Refused("over-cap"))
}

/// A table that begins with as many elements as an index can name.
pub(in super::super) fn table_minimum_2_pow_32() -> Case {
    run(Refused("over-cap"))
}

/// A table that begins with more elements than the run may have.
pub(in super::super) fn table_minimum_over_the_run() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.table_elements = 1_000)
}

/// Three tables in a run that may have two.
pub(in super::super) fn table_more_than_the_run_may() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.tables = 2)
}

/// The tables of four core instances grow in turn.
pub(in super::super) fn table_several() -> Case {
    limited(Gives(json!(1000)), |limits| limits.table_elements = 1_000)
}

/// 65 tables, in one module.
pub(in super::super) fn table_too_many() -> Case {
    run(Refused("over-cap"))
}
