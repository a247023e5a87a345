//! The clock of the run; `std::time` has none in a skill.
//!
//! The caller can fix it (`ringfence run --clock`); it then moves by a millisecond with each reading.

use std::time::{Duration, SystemTime};

/// Returns the time of day, to a millisecond.
///
/// In tests on your own machine it is that machine's.
pub fn now() -> SystemTime {
    #[cfg(target_arch = "wasm32")]
    {
        let now = crate::host::wasi::wall_clock::now();
        SystemTime::UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds)
    }
    #[cfg(not(target_arch = "wasm32"))]
    SystemTime::now()
}

/// Returns the time since 1970 in UTC, to a millisecond.
pub fn since_1970() -> Duration {
    now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Returns a time that never goes back, to measure durations. Its origin has no meaning.
pub fn monotonic() -> Duration {
    #[cfg(target_arch = "wasm32")]
    return Duration::from_nanos(crate::host::wasi::monotonic_clock::now());
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::sync::LazyLock;
        use std::time::Instant;
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGUN.elapsed()
    }
}
