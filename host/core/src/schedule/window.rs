//! Counts first slices over all threads of callers, to find principals that crowd out others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Principal;

/// Time over which first slices are counted.
pub(super) const WINDOW: Duration = Duration::from_millis(10);

/// Time up to which consecutive first slices of one principal on a thread are counted together. Most take a few
/// microseconds, and each count takes a lock.
const BATCH: Duration = Duration::from_micros(100);

thread_local! {
    /// Principal of this thread's last first slice, and its uncounted time.
    static UNCOUNTED: RefCell<Option<(Principal, Duration)>> = const { RefCell::new(None) };
}

/// Returns the time to count now, after a first slice of `principal` on this thread.
pub(super) fn batch(principal: &Principal, took: Duration) -> Option<Duration> {
    UNCOUNTED.with_borrow_mut(|uncounted| match uncounted {
        Some((last, sum)) if Arc::ptr_eq(last, principal) => {
            *sum = sum.saturating_add(took);
            (*sum >= BATCH).then(|| std::mem::take(sum))
        }
        // What is left of the last one's is less than a batch, and forgotten.
        _ => {
            *uncounted = Some((Arc::clone(principal), Duration::ZERO));
            Some(took)
        }
    })
}

/// Recent time of first slices, on all threads of callers together.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) since: Instant,
    pub(super) total: Duration,
    pub(super) by: HashMap<Principal, Duration>,
}

impl Window {
    /// Counts a first slice that ends now. True if its principal takes most of the callers' threads beside another.
    pub(super) fn add(
        &mut self,
        principal: &Principal,
        took: Duration,
        now: Instant,
        threads: usize,
    ) -> bool {
        if now.saturating_duration_since(self.since) >= WINDOW {
            self.since = now;
            self.total = Duration::ZERO;
            self.by.clear();
        }
        self.total = self.total.saturating_add(took);
        let own = self.by.entry(Arc::clone(principal)).or_default();
        *own = own.saturating_add(took);
        // A quarter of all that the threads have; a quarter of that, and a quarter more than a fair share of it.
        let threads = u32::try_from(threads).unwrap_or(u32::MAX);
        let much = self.total.saturating_mul(4) >= WINDOW.saturating_mul(threads);
        let own = *own;
        let principals = u32::try_from(self.by.len()).unwrap_or(u32::MAX);
        let large = own.saturating_mul(4) >= self.total;
        let unfair = own.saturating_mul(principals.saturating_mul(4)) >= self.total.saturating_mul(5);
        much && large && unfair && principals > 1
    }
}
