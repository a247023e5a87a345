//! The rest of the run's limits, so that a skill can stop in time and return what it has.

pub use crate::host::budget::Left;

/// Returns the rest of each limit. Counts as a host call.
///
/// In tests on your own machine nothing is limited, and each number is `u64::MAX`.
#[must_use]
pub fn remaining() -> Left {
    #[cfg(target_arch = "wasm32")]
    let left = crate::host::budget::remaining();
    #[cfg(not(target_arch = "wasm32"))]
    let left =
        Left { fuel: u64::MAX, milliseconds: u64::MAX, memory: u64::MAX, output: u64::MAX, host_calls: u64::MAX };
    left
}
