//! What one principal has left: calls at once, calls a minute, fuel a minute, compilations an hour.
//!
//! Calls and compilations are counted by `governor`. Fuel is our own: a run reserves its limit and gives back what it
//! did not burn, which no rate limiter does.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};

use crate::config::Quota;

/// Nanoseconds of a minute.
const MINUTE: u128 = 60_000_000_000;

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

/// Why a principal may not go on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// As many calls run or wait as may.
    Concurrency,
    /// Too many calls lately.
    Calls,
    /// Too much fuel lately.
    Fuel,
    /// Too many compilations lately.
    Compiles,
}

/// The account of a principal. It lives as long as its token, through reloads.
#[derive(Debug)]
pub(crate) struct Account {
    running: AtomicU64,
    uploads: AtomicU64,
    /// Bytes of its bodies that are being received and parsed.
    pub(crate) bodies: Arc<AtomicU64>,
    meters: ArcSwap<Meters>,
}

#[derive(Debug)]
struct Meters {
    quota: Quota,
    calls: Limiter,
    compiles: Limiter,
    fuel: Bucket,
}

impl Account {
    pub(crate) fn new(quota: &Quota) -> Arc<Self> {
        Arc::new(Self {
            running: AtomicU64::new(0),
            uploads: AtomicU64::new(0),
            bodies: Arc::default(),
            meters: ArcSwap::from_pointee(Meters::new(quota)),
        })
    }

    /// Goes by another quota from now on; full again if it is another.
    pub(crate) fn set(&self, quota: &Quota) {
        if self.meters.load().quota != *quota {
            self.meters.store(Arc::new(Meters::new(quota)));
        }
    }

    /// Takes a call's share, all of it or nothing; or why not, and when to try again.
    pub(crate) fn begin(self: &Arc<Self>, fuel: u64) -> Result<Share, (Spent, Duration)> {
        let meters = self.meters.load_full();
        let most = meters.quota.concurrency.get();
        let one_more = |running: u64| running.checked_add(1).filter(|running| *running <= most);
        if self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err((Spent::Concurrency, Duration::from_secs(1)));
        }
        // Dropped when one of the next is refused: it gives back what was taken.
        let mut share = Share { account: Arc::clone(self), meters, reserved: 0, begun: false };
        match share.meters.fuel.take(fuel, Instant::now()) {
            Ok(()) => share.reserved = fuel,
            Err(wait) => return Err((Spent::Fuel, wait)),
        }
        // Last, since a call that was counted stays counted.
        check(&share.meters.calls).map_err(|wait| (Spent::Calls, wait))?;
        Ok(share)
    }

    /// Counts a look at what there is as a call.
    pub(crate) fn look(&self) -> Result<(), (Spent, Duration)> {
        check(&self.meters.load().calls).map_err(|wait| (Spent::Calls, wait))
    }

    /// Takes a place for an upload.
    pub(crate) fn upload(self: &Arc<Self>, most: u64) -> Option<Upload> {
        let one_more = |uploads: u64| uploads.checked_add(1).filter(|uploads| *uploads <= most);
        self.uploads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Upload(Arc::clone(self)))
    }

    /// Counts a compilation.
    pub(crate) fn compile(&self) -> Result<(), (Spent, Duration)> {
        check(&self.meters.load().compiles).map_err(|wait| (Spent::Compiles, wait))
    }
}

impl Meters {
    fn new(quota: &Quota) -> Self {
        let count = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            quota: *quota,
            calls: RateLimiter::direct_with_clock(
                Rate::per_minute(count(quota.calls_per_minute.as_u32())),
                MonotonicClock,
            ),
            compiles: RateLimiter::direct_with_clock(
                Rate::per_hour(count(quota.compiles_per_hour.as_u32())),
                MonotonicClock,
            ),
            fuel: Bucket::new(quota.fuel_per_minute.get(), Instant::now()),
        }
    }
}

fn check(limiter: &Limiter) -> Result<(), Duration> {
    limiter.check().map_err(|early| early.wait_time_from(MonotonicClock.now()))
}

/// An upload of a principal. Dropped, it is counted no more.
#[derive(Debug)]
pub(crate) struct Upload(Arc<Account>);

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.uploads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call has of its principal's account. Dropped, it gives back its place; its fuel as well if no run began, and
/// else only what [`Share::burnt`] says: a caller that goes away in the middle pays for the whole run, or it would burn
/// for nothing.
#[derive(Debug)]
pub(crate) struct Share {
    account: Arc<Account>,
    meters: Arc<Meters>,
    reserved: u64,
    begun: bool,
}

impl Share {
    /// Says that a run begins.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// Says what was burnt; the rest of what was reserved is given back.
    pub(crate) fn burnt(&mut self, fuel: u64) {
        self.meters.fuel.give(self.reserved.saturating_sub(fuel));
        self.reserved = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.begun {
            self.meters.fuel.give(self.reserved);
        }
        self.account.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Fuel that flows in evenly, a minute's worth at most.
#[derive(Debug)]
struct Bucket {
    size: u64,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    fuel: u64,
    at: Instant,
}

impl Bucket {
    fn new(size: u64, at: Instant) -> Self {
        Self { size, level: Mutex::new(Level { fuel: size, at }) }
    }

    fn take(&self, wanted: u64, now: Instant) -> Result<(), Duration> {
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

    fn give(&self, fuel: u64) {
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
}
