//! The meters of an account: rates that refill evenly, and fuel that a run reserves and refunds.
//!
//! Each takes the time as a parameter, so that tests need no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Nanoseconds of a minute.
const MINUTE: u128 = 60_000_000_000;

/// A rate: a count in a period, all of which may come at once. Uses the generic cell rate algorithm: an atomic, no
/// lock.
#[derive(Debug)]
pub(super) struct Rate {
    count: u64,
    start: Instant,
    /// Nanoseconds in which one refills.
    every: u64,
    /// Nanoseconds from `start` until the rate is full.
    full_at: AtomicU64,
}

impl Rate {
    pub(super) fn new(count: u64, period: Duration, start: Instant) -> Self {
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let every = period.checked_div(count).unwrap_or(period).max(1);
        Self { count, start, every, full_at: AtomicU64::new(0) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes one; fails with the time until one is available.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let latest = now.saturating_add(self.every.saturating_mul(self.count));
        let next = |full_at: u64| full_at.max(now).saturating_add(self.every);
        let fits = |full_at| Some(next(full_at)).filter(|next| *next <= latest);
        match self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(full_at) => Err(Duration::from_nanos(next(full_at).saturating_sub(latest))),
        }
    }

    /// Refunds one.
    pub(super) fn give(&self) {
        let less = |full_at: u64| Some(full_at.saturating_sub(self.every));
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// A bucket of fuel, which refills evenly up to the fuel of one minute.
#[derive(Debug)]
pub(super) struct Bucket {
    size: u64,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    fuel: u64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(size: u64, at: Instant) -> Self {
        Self { size, level: Mutex::new(Level { fuel: size, at }) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn take(&self, wanted: u64, now: Instant) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(level.at);
        let flowed = u128::from(self.size).saturating_mul(passed.as_nanos()).checked_div(MINUTE).unwrap_or(0);
        let flowed = u64::try_from(flowed).unwrap_or(u64::MAX);
        if flowed > 0 {
            level.fuel = level.fuel.saturating_add(flowed).min(self.size);
            // Only as far as what has flowed in took, so that many looks lose nothing.
            let took =
                u128::from(flowed).saturating_mul(MINUTE).checked_div(self.size.max(1).into()).unwrap_or(0);
            let took = Duration::from_nanos(u64::try_from(took).unwrap_or(u64::MAX));
            level.at = level.at.checked_add(took).unwrap_or(now).min(now);
        }
        match level.fuel.checked_sub(wanted) {
            Some(left) => {
                level.fuel = left;
                Ok(())
            }
            None => {
                let missing = u128::from(wanted.saturating_sub(level.fuel));
                let millis = missing.saturating_mul(60_000).checked_div(self.size.max(1).into()).unwrap_or(0);
                Err(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
            }
        }
    }

    pub(super) fn give(&self, fuel: u64) {
        if fuel > 0 {
            let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
            level.fuel = level.fuel.saturating_add(fuel).min(self.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_flows_in_evenly_and_no_further_than_full() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let bucket = Bucket::new(6_000, start);
        assert_eq!(bucket.take(6_000, start), Ok(()));
        assert_eq!(bucket.take(1, start), Err(Duration::from_millis(10)));
        assert_eq!(bucket.take(1_001, after(10)), Err(Duration::from_millis(10)));
        assert_eq!(bucket.take(1_000, after(10)), Ok(()));
        assert_eq!(bucket.take(6_001, after(1_000)), Err(Duration::from_millis(10)));
        assert_eq!(bucket.take(6_000, after(1_000)), Ok(()));
        // A unit takes 10 ms to flow in: looks in between lose nothing of it.
        let fresh = Bucket::new(6_000, start);
        assert_eq!(fresh.take(6_000, start), Ok(()));
        for millis in (0..1_000).step_by(3) {
            let _ = fresh.take(6_000, start + Duration::from_millis(millis));
        }
        assert_eq!(fresh.take(100, after(1)), Ok(()));
        bucket.give(7_000);
        assert_eq!(bucket.take(6_001, after(1_000)), Err(Duration::from_millis(10)));
    }

    #[test]
    fn a_count_flows_back_evenly_and_no_further_than_full() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let rate = Rate::new(3, Duration::from_secs(60), start);
        for _ in 0..3 {
            assert_eq!(rate.take(start), Ok(()));
        }
        assert_eq!(rate.take(start), Err(Duration::from_secs(20)));
        assert_eq!(rate.take(after(19_999)), Err(Duration::from_millis(1)));
        assert_eq!(rate.take(after(20_000)), Ok(()));
        assert_eq!(rate.take(after(20_000)), Err(Duration::from_secs(20)));
        // What is given back can be taken again; more than all never is.
        rate.give();
        assert_eq!(rate.take(after(20_000)), Ok(()));
        for _ in 0..10 {
            rate.give();
        }
        for _ in 0..3 {
            assert_eq!(rate.take(after(1_000_000)), Ok(()));
        }
        assert_eq!(rate.take(after(1_000_000)), Err(Duration::from_secs(20)));
    }
}
