//! Admission: reserves a run's slot, its share of the pool and its memory before it begins.
//!
//! A run whose skill has many memories or tables takes several slots, so that the pool cannot run out under admitted
//! runs. Admission returns a [`Permit`] only if everything fits. A permit returns its reservation when it is dropped,
//! however the run ends. Growth during the run counts in the same budget. All of it counts in the share of the run's
//! principal too.
//!
//! A running run has its worst case reserved; a parked run has what it touched: see [`Surge`]. Reservations therefore
//! never exceed the budget, and a thousand waiting runs take what they use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::engine::Capacity;
use crate::error::RunError;
use crate::faults;
use crate::principal::Principal;
use crate::validate::Counts;

/// Bytes of host memory of every run beside its guest's: stack pages, store, report.
pub(crate) const RUN_BYTES: u64 = 64 << 10;

/// The free slots and memory of a host.
#[derive(Debug)]
pub(crate) struct Admission {
    capacity: Capacity,
    runs: Pool,
    bytes: Pool,
    /// Notified when a run returned something.
    freed: Notify,
    /// Number of waiting runs. Nothing is notified while it is 0, so that a run takes no lock.
    waiting: AtomicU64,
}

/// The needs of a run before it begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    memories: u64,
    tables: u64,
    /// Bytes of memories and tables at the start. A parked run keeps what it touched of them.
    pub(crate) guest_bytes: u64,
    /// Maximum bytes in the host at any time: input, log, its own records.
    pub(crate) host_bytes: u64,
    /// Maximum bytes in the host while the run has a slice: the result, lifted and written.
    pub(crate) result_bytes: u64,
}

impl Needs {
    pub(crate) fn of(counts: &Counts) -> Self {
        Self {
            memories: counts.memories,
            tables: counts.tables,
            guest_bytes: counts.memory.saturating_add(counts.table_elements.saturating_mul(8)),
            host_bytes: RUN_BYTES.saturating_add(counts.records),
            result_bytes: 0,
        }
    }
}

impl Admission {
    pub(crate) fn new(capacity: Capacity, bytes: u64) -> Self {
        let runs = Pool::new(capacity.runs.into());
        Self { capacity, runs, bytes: Pool::new(bytes), freed: Notify::new(), waiting: AtomicU64::new(0) }
    }

    /// Reserves all that a run needs, or nothing. Waits at most `wait` for other runs to return theirs.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        needs: Needs,
        principal: &Principal,
        wait: Duration,
    ) -> Result<(Permit, Surge), RunError> {
        let first = self.try_admit(needs, principal);
        if wait.is_zero() || !matches!(first, Err(RunError::Overloaded { .. })) {
            return first;
        }
        let _waits = Waits::begin(&self.waiting);
        let waiting = async {
            loop {
                let freed = self.freed.notified();
                let admitted = self.try_admit(needs, principal);
                if !matches!(admitted, Err(RunError::Overloaded { .. })) {
                    return admitted;
                }
                freed.await;
            }
        };
        // What was missing at first is what the caller is told.
        tokio::time::timeout(wait, waiting).await.unwrap_or(first)
    }

    fn try_admit(self: &Arc<Self>, needs: Needs, principal: &Principal) -> Result<(Permit, Surge), RunError> {
        let shares = self.capacity.shares(needs.memories, needs.tables);
        let lazy = needs.guest_bytes.saturating_add(needs.result_bytes);
        // Nobody is told of what is taken and given back at once, or those who wait would wake one another.
        let runs = self.runs.take(shares, "slots for runs")?;
        let bytes = needs.host_bytes.saturating_add(lazy);
        self.take(bytes, principal).inspect_err(|_| self.runs.give(runs))?;
        let permit = Permit {
            admission: Arc::clone(self),
            principal: principal.clone(),
            runs,
            bytes: needs.host_bytes,
            guest_bytes: needs.guest_bytes,
        };
        let surge = Surge {
            admission: Arc::clone(self),
            principal: principal.clone(),
            guest: needs.guest_bytes,
            full: lazy,
            touched: 0,
            covered: lazy,
            since: if lazy > WARM { faults::touched() } else { None },
        };
        Ok((permit, surge))
    }

    fn take(&self, bytes: u64, principal: &Principal) -> Result<(), RunError> {
        self.bytes.take(bytes, "bytes of memory")?;
        principal.take(bytes).inspect_err(|_| self.bytes.give(bytes))
    }

    /// Returns bytes that belong to no principal.
    fn give(&self, bytes: u64) {
        if bytes > 0 {
            self.bytes.give(bytes);
            self.tell();
        }
    }

    /// Notifies waiting runs that something is free.
    fn tell(&self) {
        // After what was given back: a run that begins to wait meanwhile looks once more before it sleeps.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.freed.notify_waiters();
        }
    }

    /// Returns the bytes reserved for current runs.
    pub(crate) fn reserved_bytes(&self) -> u64 {
        self.bytes.used.load(Ordering::Relaxed)
    }

    /// Returns the slots of current runs.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.used.load(Ordering::Relaxed)
    }
}

/// The reservation of one run.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    principal: Principal,
    runs: u64,
    bytes: u64,
    /// Part of `bytes` for memories and tables.
    guest_bytes: u64,
}

impl Permit {
    /// Reserves up to `total` bytes of memories and tables. False if the host's budget is too small; it then reserves
    /// nothing.
    pub(crate) fn cover_guest(&mut self, total: u64) -> bool {
        let more = total.saturating_sub(self.guest_bytes);
        if more == 0 {
            return true;
        }
        if self.admission.take(more, &self.principal).is_err() {
            return false;
        }
        self.bytes = self.bytes.saturating_add(more);
        self.guest_bytes = total;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.principal.give(self.bytes);
        self.admission.runs.give(self.runs);
        self.admission.give(self.bytes);
        self.admission.tell();
    }
}

/// Counts a waiting run until it is dropped.
struct Waits<'a>(&'a AtomicU64);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a AtomicU64) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Bytes of a slot that can be in memory when a run begins: zeroed pages of an earlier run.
const WARM: u64 = 2 << 20;

/// The part of a reservation that shrinks while a run is parked: its initial memories, which the system maps as the run
/// touches them, and its result. A running run reserves all of it, a parked run what it touched.
#[derive(Debug)]
pub(crate) struct Surge {
    admission: Arc<Admission>,
    principal: Principal,
    /// Maximum bytes of initial memories and tables.
    guest: u64,
    full: u64,
    touched: u64,
    covered: u64,
    /// Bytes that this thread had touched when the slice began; none if they are not measured.
    since: Option<u64>,
}

impl Surge {
    /// Ends a slice: keeps the touched bytes reserved, and returns the rest.
    fn park(&mut self) {
        let Some((since, now)) = self.since.take().zip(faults::touched()) else { return };
        self.touched = self.touched.saturating_add(now.saturating_sub(since));
        let keep = WARM.saturating_add(self.touched).min(self.guest).min(self.full);
        let back = self.covered.saturating_sub(keep);
        self.covered = keep.min(self.covered);
        self.principal.give(back);
        self.admission.give(back);
    }

    /// Begins a slice: reserves its worst case. False if the budget is too small.
    fn resume(&mut self) -> bool {
        let more = self.full.saturating_sub(self.covered);
        if more == 0 {
            return true;
        }
        if self.admission.take(more, &self.principal).is_err() {
            return false;
        }
        self.covered = self.full;
        self.since = faults::touched();
        true
    }
}

impl Drop for Surge {
    fn drop(&mut self) {
        self.principal.give(self.covered);
        self.admission.give(self.covered);
    }
}

/// A run's [`Surge`], between the run and the scheduler that parks it.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    surge: Mutex<Option<Surge>>,
    refused: AtomicBool,
    deadline: OnceLock<Instant>,
}

impl Parking {
    /// Records that the run was admitted.
    pub(crate) fn begin(&self, surge: Surge, deadline: Instant) {
        let _ = self.deadline.set(deadline);
        *self.surge.lock().unwrap_or_else(PoisonError::into_inner) = Some(surge);
    }

    /// Returns whether the deadline has passed, so that the run only needs to end.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }

    /// Returns the reservation when the run has ended.
    pub(crate) fn end(&self) {
        drop(self.surge.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(crate) fn park(&self) {
        if let Some(surge) = self.surge.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            surge.park();
        }
    }

    /// Reserves a slice's worst case. If the budget is too small, the run ends by itself.
    pub(crate) fn resume(&self) {
        if let Some(surge) = self.surge.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && !surge.resume()
        {
            self.refused.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the run must end because the host has no memory for its next slice.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Pool {
    size: u64,
    used: AtomicU64,
}

impl Pool {
    fn new(size: u64) -> Self {
        Self { size, used: AtomicU64::new(0) }
    }

    fn take(&self, wanted: u64, what: &'static str) -> Result<u64, RunError> {
        if wanted == 0 {
            return Ok(0);
        }
        if wanted > self.size {
            return Err(RunError::TooLarge { what, wanted, size: self.size });
        }
        let fits = |used: u64| used.checked_add(wanted).filter(|used| *used <= self.size);
        match self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits) {
            Ok(_) => Ok(wanted),
            Err(used) => Err(RunError::Overloaded { what, wanted, free: self.size.saturating_sub(used) }),
        }
    }

    fn give(&self, taken: u64) {
        if taken > 0 {
            self.used.fetch_sub(taken, Ordering::SeqCst);
        }
    }
}
