//! Handles to resources: forged, dropped twice, of another type.

use std::time::Duration;

use serde_json::json;

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Trap, Value as Gives};

/// The destructor of a resource of its own traps.
pub(in super::super) fn handle_destructor_traps() -> Case {
    run(Trap("unreachable"))
}

/// Drops the same handle twice.
pub(in super::super) fn handle_dropped_twice() -> Case {
    run(Trap("abi-violation"))
}

/// Drops handles that were never given: the first, and the last that there could be.
pub(in super::super) fn handle_invented() -> Case {
    run(Trap("abi-violation"))
}

/// Blocks on a handle of stdout as if it were a timer.
pub(in super::super) fn handle_of_another_type() -> Case {
    run(Trap("abi-violation"))
}

/// Makes a resource of its own and uses its handle for the host's.
pub(in super::super) fn handle_of_its_own_type() -> Case {
    run(Trap("abi-violation"))
}

/// Drops a timer that waits an hour, takes a new one that does not wait, and gets the same number for it.
pub(in super::super) fn handle_reused() -> Case {
    limited(Gives(json!(true)), |limits| limits.deadline = Duration::from_millis(2000))
}

/// Blocks on a timer that it has dropped.
pub(in super::super) fn handle_used_after_drop() -> Case {
    run(Trap("abi-violation"))
}

/// Drops handle 0, which is never given.
pub(in super::super) fn handle_zero() -> Case {
    run(Trap("abi-violation"))
}
