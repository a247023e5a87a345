//! Finds first slices that keep their caller's thread too long, by work that cannot yield: a bulk memory operation or
//! a large result.
//!
//! The clock alone cannot distinguish them from a preempted thread, which is frequent on a busy machine. CPU time
//! can, but reading it is a system call. So a thread reads it at most five times a millisecond, and again after a slice that
//! took too long by the clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::FIRST_SLICE;
use crate::thread::cpu_time;

/// CPU time beyond its time from which on a first slice overran.
const OVERRUN: Duration = Duration::from_millis(1);

/// Age from which on the beginning of a slice reads the CPU time again.
const FRESH: Duration = Duration::from_micros(200);

thread_local! {
    /// Time and value of this thread's last reading of its CPU time.
    static READ: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// A running first slice on this thread.
#[derive(Debug)]
pub(super) struct Watched {
    begun: Instant,
}

impl Watched {
    /// Begins to watch a slice.
    pub(super) fn begin(begun: Instant) -> Self {
        let is_fresh = |(at, _): (Instant, Duration)| begun.saturating_duration_since(at) < FRESH;
        if !READ.get().is_some_and(is_fresh) {
            READ.set(Some(begun).zip(cpu_time()));
        }
        Self { begun }
    }

    /// Returns whether the slice, which ends now, used too much CPU time.
    pub(super) fn overran(self, now: Instant) -> bool {
        let most = FIRST_SLICE.saturating_add(OVERRUN);
        if now.saturating_duration_since(self.begun) < most {
            return false;
        }
        // Elsewhere than on Linux the clock must do.
        let Some(((at, before), after)) = READ.get().zip(cpu_time()) else { return true };
        // Between the reading and the slice the thread used at most the time that passed.
        let between = self.begun.saturating_duration_since(at);
        READ.set(Some((now, after)));
        after.saturating_sub(before).saturating_sub(between) >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses this much CPU time, whatever the clock shows.
    fn burn(time: Duration) {
        let begun = cpu_time().expect("the system tells");
        while cpu_time().expect("the system tells").saturating_sub(begun) < time {}
    }

    #[test]
    fn an_overlong_slice_is_distinguished_from_a_preempted_one() {
        let most = FIRST_SLICE + OVERRUN;
        let slice = Watched::begin(Instant::now());
        burn(most + FRESH);
        assert!(slice.overran(Instant::now()));
        let slice = Watched::begin(Instant::now());
        assert!(!slice.overran(Instant::now() + most * 10), "the clock went on, and the thread did not");
        let slice = Watched::begin(Instant::now());
        burn(most / 2);
        assert!(!slice.overran(Instant::now() + most));
    }
}
