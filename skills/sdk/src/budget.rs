//! What is left to the run, so that a skill can stop in time and give what it has.

pub use crate::host::budget::Left;

/// What is left now. Costs a host call.
///
/// In tests on your own machine there is no limit, and each number is `u64::MAX`.
#[must_use]
pub fn remaining() -> Left {
    #[cfg(target_arch = "wasm32")]
    let left = crate::host::budget::remaining();
    #[cfg(not(target_arch = "wasm32"))]
    let left =
        Left { fuel: u64::MAX, milliseconds: u64::MAX, memory: u64::MAX, output: u64::MAX, host_calls: u64::MAX };
    left
}
