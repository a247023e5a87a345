//! Counts first slices over all threads of callers, to find principals that crowd out others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Principal;

/// Time over which first slices are counted.
pub(super) const WINDOW: Duration = Duration::from_millis(10);

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
        // A quarter of all that the threads have, and three quarters of that.
        let threads = u32::try_from(threads).unwrap_or(u32::MAX);
        let much = self.total.saturating_mul(4) >= WINDOW.saturating_mul(threads);
        let most = own.saturating_mul(4) >= self.total.saturating_mul(3);
        much && most && self.by.len() > 1
    }
}
