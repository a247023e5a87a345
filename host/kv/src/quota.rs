//! Bounds what one space can hold, and how often it can write.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Quota};

/// The quotas of one space.
///
/// A quota is exact: a write that reaches it passes, and a write that exceeds it fails and changes nothing. A space that
/// exceeds a lowered quota keeps its keys; writes that do not enlarge it still pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Keys in the space. Default: 10,000.
    pub keys: u64,
    /// Bytes of one key. Default: 256.
    pub key_bytes: usize,
    /// Bytes of one value. Default: 256 KiB.
    pub value_bytes: usize,
    /// Bytes of all keys and values together. Default: 16 MiB.
    pub total_bytes: u64,
    /// Writes in a minute. Each change of a batch counts, even one that fails with a conflict. A burst can use the whole
    /// quota at once; it then refills evenly. `u32::MAX` means no quota. Default: 600.
    pub writes_per_minute: u32,
    /// Keys of one batch. Default: 256.
    pub batch_keys: usize,
    /// Bytes of all keys and values of one batch. Default: 1 MiB.
    pub batch_bytes: usize,
    /// Whether writes can pass [`Options::share_bytes`](crate::Options::share_bytes). Default: `false`.
    pub whole_store: bool,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            keys: 10_000,
            key_bytes: 256,
            value_bytes: 256 << 10,
            total_bytes: 16 << 20,
            writes_per_minute: 600,
            batch_keys: 256,
            batch_bytes: 1 << 20,
            whole_store: false,
        }
    }
}

ringfence_setters::setters!(Quotas {
    with_keys(keys: u64);
    with_key_bytes(key_bytes: usize);
    with_value_bytes(value_bytes: usize);
    with_total_bytes(total_bytes: u64);
    with_writes_per_minute(writes_per_minute: u32);
    with_batch_keys(batch_keys: usize);
    with_batch_bytes(batch_bytes: usize);
    with_whole_store(whole_store: bool);
});

impl Quotas {
    /// Returns quotas for commands of an operator: sizes that the file can hold, and no other bound.
    ///
    /// Values can have 64 MiB, keys 16 KiB.
    pub fn operator() -> Self {
        Self {
            keys: u64::MAX,
            key_bytes: 16 << 10,
            value_bytes: 64 << 20,
            total_bytes: u64::MAX,
            writes_per_minute: u32::MAX,
            batch_keys: 4096,
            batch_bytes: 64 << 20,
            whole_store: true,
        }
    }

    pub(crate) fn check_key(&self, key: &str) -> Result<(), Error> {
        if key.len() > self.key_bytes {
            return Err(Error::KeyTooLong { length: key.len(), limit: self.key_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_value(&self, value: &[u8]) -> Result<(), Error> {
        if value.len() > self.value_bytes {
            return Err(Error::ValueTooLarge { size: value.len(), limit: self.value_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_batch(&self, keys: usize, bytes: usize) -> Result<(), Error> {
        if keys > self.batch_keys || bytes > self.batch_bytes {
            return Err(Error::BatchTooLarge { keys: self.batch_keys, bytes: self.batch_bytes });
        }
        Ok(())
    }

    /// Checks the step from one usage to another one.
    pub(crate) fn step(&self, before: Usage, after: Usage) -> Result<(), Error> {
        if after.keys > self.keys && after.keys > before.keys {
            return Err(Error::QuotaExceeded(Quota::Keys { limit: self.keys }));
        }
        if after.bytes > self.total_bytes && after.bytes > before.bytes {
            return Err(Error::QuotaExceeded(Quota::TotalBytes { limit: self.total_bytes }));
        }
        Ok(())
    }
}

/// The usage of a space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Keys in the space.
    pub keys: u64,
    /// Bytes of all keys and values.
    pub bytes: u64,
    /// The highest revision that the space ever assigned.
    pub revision: u64,
}

/// A clock that never goes back. Tests provide their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the time since a moment that stays the same.
    fn now(&self) -> Duration;
}

/// The monotonic clock of the system.
#[derive(Debug)]
pub(crate) struct System(Instant);

impl System {
    pub(crate) fn shared() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for System {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

const MINUTE: u128 = 60_000_000_000;

/// A token bucket. One write is worth `MINUTE` units; each nanosecond adds as many units as the quota has writes.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// Units that were spent and have not come back.
    spent: u128,
    seen: Duration,
    /// The quota of the last charge, for `rested`.
    limit: u32,
}

impl Rate {
    fn refill(&mut self, now: Duration, limit: u32) {
        let passed = now.saturating_sub(self.seen).as_nanos();
        self.spent = self.spent.saturating_sub(passed.saturating_mul(limit.into()));
        self.seen = self.seen.max(now);
        self.limit = limit;
    }

    /// Takes `writes` from the bucket, all or none.
    pub(crate) fn charge(&mut self, now: Duration, limit: u32, writes: u32) -> Result<(), Error> {
        self.refill(now, limit);
        let cost = u128::from(writes).saturating_mul(MINUTE);
        let most = u128::from(limit).saturating_mul(MINUTE);
        let spent = self.spent.saturating_add(cost);
        if spent <= most {
            self.spent = spent;
            return Ok(());
        }
        let retry_after = (cost <= most && limit > 0).then(|| {
            let wait = spent.saturating_sub(most).div_ceil(u128::from(limit));
            Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
        });
        Err(Error::QuotaExceeded(Quota::WritesPerMinute { limit, retry_after }))
    }

    /// Whether the bucket is full again, so that forgetting it changes nothing.
    pub(crate) fn rested(&mut self, now: Duration) -> bool {
        self.refill(now, self.limit);
        self.spent == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<(), Error>) -> Option<Duration> {
        match result {
            Err(Error::QuotaExceeded(Quota::WritesPerMinute { retry_after, .. })) => retry_after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_minutes_writes_pass_at_once_and_one_more_does_not() {
        let mut rate = Rate::default();
        let start = Duration::from_secs(1000);
        for _ in 0..60 {
            rate.charge(start, 60, 1).unwrap();
        }
        assert_eq!(refused(rate.charge(start, 60, 1)), Some(Duration::from_secs(1)));
        let almost = start + Duration::from_nanos(999_999_999);
        assert_eq!(refused(rate.charge(almost, 60, 1)), Some(Duration::from_nanos(1)));
        rate.charge(start + Duration::from_secs(1), 60, 1).unwrap();
        assert!(!rate.rested(start + Duration::from_secs(60)));
        assert!(rate.rested(start + Duration::from_secs(61)));
    }

    #[test]
    fn retry_after_is_exact_for_odd_quotas() {
        for limit in [1, 7, 59, 61, 999] {
            let mut rate = Rate::default();
            rate.charge(Duration::ZERO, limit, limit).unwrap();
            let wait = refused(rate.charge(Duration::ZERO, limit, 1)).unwrap();
            refused(rate.charge(wait - Duration::from_nanos(1), limit, 1));
            rate.charge(wait, limit, 1).unwrap();
        }
    }

    #[test]
    fn a_batch_over_the_quota_never_passes() {
        let mut rate = Rate::default();
        rate.charge(Duration::ZERO, 5, 5).unwrap();
        assert_eq!(refused(rate.charge(Duration::from_secs(600), 5, 6)), None);
        assert_eq!(refused(rate.charge(Duration::from_secs(600), 0, 1)), None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut rate = Rate::default();
        rate.charge(Duration::from_secs(100), 1, 1).unwrap();
        refused(rate.charge(Duration::from_secs(10), 1, 1));
        refused(rate.charge(Duration::from_secs(100), 1, 1));
        rate.charge(Duration::from_secs(160), 1, 1).unwrap();
    }
}
