//! Linear memory: growth over every way that there is.

use serde_json::json;

use super::super::Case;
use super::{case, limited, run};
use crate::Expect::{Outcome, Refused, Trap, Value as Gives};

/// Sixteen memories, as many as a skill may have, with four mebibytes each: exactly the limit.
pub(in super::super) fn memory_all_sixteen() -> Case {
    run(Gives(json!(64)))
}

/// Grows a page at a time until that is refused, and then does what library code does: it gives up with `unreachable`.
pub(in super::super) fn memory_grow() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memory = 4 << 20)
}

/// Grows until that is refused, and goes on without.
pub(in super::super) fn memory_grow_and_go_on() -> Case {
    limited(Gives(json!(64)), |limits| limits.memory = 4 << 20)
}

/// Asks for 4 GiB less a page in one step.
pub(in super::super) fn memory_grow_at_once() -> Case {
    run(Outcome("memory-limit"))
}

/// The tool answers, and its clean-up grows until that is refused and gives up.
pub(in super::super) fn memory_grow_in_post_return() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memory = 4 << 20)
}

/// `realloc` takes a megabyte more for every call and gives up when there is none.
pub(in super::super) fn memory_grow_in_realloc() -> Case {
    case("run", json!({"words":["a","b","c","d","e","f"]}), Outcome("memory-limit"), |limits| {
        limits.memory = 4 << 20
    })
}

/// Grows in the start function until that is refused.
pub(in super::super) fn memory_grow_in_start() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memory = 4 << 20)
}

/// A growth is refused, and later the tool divides by zero.
pub(in super::super) fn memory_grow_other_trap() -> Case {
    limited(Trap("integer-division-by-zero"), |limits| limits.memory = 4 << 20)
}

/// Grows past the maximum that the memory itself declares.
pub(in super::super) fn memory_grow_past_own_maximum() -> Case {
    run(Trap("unreachable"))
}

/// Asks again and again for what was refused.
pub(in super::super) fn memory_grow_without_end() -> Case {
    limited(Outcome("out-of-fuel"), |limits| {
        limits.memory = 4 << 20;
        limits.fuel = 100_000;
    })
}

/// One memory that begins with a page more than the limit.
pub(in super::super) fn memory_minimum() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memory = 4 << 20)
}

/// One memory that begins with all that a 32-bit pointer can reach.
pub(in super::super) fn memory_minimum_4gib() -> Case {
    run(Outcome("memory-limit"))
}

/// One memory that begins with exactly the limit.
pub(in super::super) fn memory_minimum_exact() -> Case {
    limited(Gives(json!(64)), |limits| limits.memory = 4 << 20)
}

/// Three memories in a run that may have two.
pub(in super::super) fn memory_more_than_the_run_may() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memories = 2)
}

/// Four core instances with a memory each, which grow in turn.
pub(in super::super) fn memory_several() -> Case {
    limited(Gives(json!(64)), |limits| limits.memory = 4 << 20)
}

/// Four memories that begin with 20 pages each.
pub(in super::super) fn memory_several_minimums() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memory = 4 << 20)
}

/// One memory that three core instances import and grow.
pub(in super::super) fn memory_shared_by_instances() -> Case {
    limited(Gives(json!(64)), |limits| limits.memory = 4 << 20)
}

/// Seventeen memories.
pub(in super::super) fn memory_too_many() -> Case {
    run(Refused("over-cap"))
}
