//! Admission: reserves a run's slot, its share of the pool and its memory before it begins.
//!
//! A run whose skill has many memories or tables takes several slots, so that the pool cannot run out under admitted
//! runs. Admission returns a [`Permit`] only if everything fits. A permit returns its reservation when it is dropped,
//! however the run ends. Growth during the run counts in the same budget. All of it counts in the share of the run's
//! principal too.
//!
//! A running run has its worst case reserved; a parked run has what it touched: see [`Surge`]. Reservations therefore
//! never exceed the budget, and a thousand waiting runs take what they use.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::description::Counts;
use crate::engine::Capacity;
use crate::error::RunError;
use crate::principal::Principal;
use crate::thread;

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

/// The reservation of one run. Dropping it returns everything.
#[derive(Debug)]
pub(crate) struct Permit {
    parking: Arc<Parking>,
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
        if self.parking.admission.take(more, &self.parking.principal).is_err() {
            return false;
        }
        self.bytes = self.bytes.saturating_add(more);
        self.guest_bytes = total;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let surge = self.parking.surge().take().map_or(0, |surge| surge.covered);
        let bytes = self.bytes.saturating_add(surge);
        self.parking.principal.give(bytes);
        self.parking.admission.runs.give(self.runs);
        self.parking.admission.bytes.give(bytes);
        self.parking.admission.tell();
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
struct Surge {
    /// Maximum bytes of initial memories and tables.
    guest: u64,
    full: u64,
    touched: u64,
    covered: u64,
    /// Bytes that this thread had touched when the slice began; none if the system does not report them.
    since: Option<u64>,
}

impl Surge {
    fn new(guest: u64, full: u64) -> Self {
        Self { guest, full, touched: 0, covered: full, since: Self::since(guest) }
    }

    /// Returns the bytes that this thread has touched. Skips the system call for small memories, where they do not
    /// matter.
    fn since(guest: u64) -> Option<u64> {
        if guest > WARM { thread::touched() } else { Some(0) }
    }

    /// Ends a slice: keeps the touched bytes reserved, and returns how many bytes to release.
    fn park(&mut self) -> u64 {
        let Some((since, now)) = self.since.take().zip(Self::since(self.guest)) else { return 0 };
        self.touched = self.touched.saturating_add(now.saturating_sub(since));
        let keep = WARM.saturating_add(self.touched).min(self.guest).min(self.full);
        let back = self.covered.saturating_sub(keep);
        self.covered = keep.min(self.covered);
        back
    }

    /// Returns the bytes that the worst case of the next slice needs in addition.
    fn missing(&self) -> u64 {
        self.full.saturating_sub(self.covered)
    }

    /// Begins a slice, whose worst case is reserved.
    fn resume(&mut self) {
        self.covered = self.full;
        self.since = Self::since(self.guest);
    }
}

/// The resources of one run, shared by the run and the scheduler that parks it.
#[derive(Debug)]
pub(crate) struct Parking {
    admission: Arc<Admission>,
    principal: Principal,
    surge: Mutex<Option<Surge>>,
    refused: AtomicBool,
    deadline: OnceLock<Instant>,
    /// Whether the caller has dropped the call.
    left: Mutex<bool>,
}

impl Parking {
    pub(crate) fn new(admission: &Arc<Admission>, principal: Principal) -> Arc<Self> {
        Arc::new(Self {
            admission: Arc::clone(admission),
            principal,
            surge: Mutex::default(),
            refused: AtomicBool::new(false),
            deadline: OnceLock::new(),
            left: Mutex::new(false),
        })
    }

    /// Polls a timer of the caller's runtime, on whichever thread the run is; returns none once the caller has left.
    ///
    /// The runtime may be gone by then, and its timers panic. A caller that leaves waits for a poll that is under way,
    /// so `poll` must be short and call nothing of the embedder.
    pub(crate) fn with_caller<T>(&self, poll: impl FnOnce() -> T) -> Option<T> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        (!*left).then(poll)
    }

    /// Records that the caller has dropped the call.
    pub(crate) fn leave(&self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Returns the name of the principal.
    pub(crate) fn principal(&self) -> &Arc<str> {
        self.principal.key()
    }

    /// Reserves all that a run needs, or nothing. Waits at most `wait` for other runs to return theirs.
    pub(crate) async fn admit(self: &Arc<Self>, needs: Needs, wait: Duration) -> Result<Permit, RunError> {
        let first = self.try_admit(needs);
        if wait.is_zero() || !matches!(first, Err(RunError::Overloaded { .. })) {
            return first;
        }
        let _waits = Waits::begin(&self.admission.waiting);
        let waiting = async {
            loop {
                let freed = self.admission.freed.notified();
                let admitted = self.try_admit(needs);
                if !matches!(admitted, Err(RunError::Overloaded { .. })) {
                    return admitted;
                }
                freed.await;
            }
        };
        let mut waiting = pin!(tokio::time::timeout(wait, waiting));
        let waited = poll_fn(|context| match self.with_caller(|| waiting.as_mut().poll(context)) {
            Some(polled) => polled.map(Result::ok),
            None => Poll::Ready(None),
        });
        // What was missing at first is what the caller is told.
        waited.await.unwrap_or(first)
    }

    fn try_admit(self: &Arc<Self>, needs: Needs) -> Result<Permit, RunError> {
        let admission = &self.admission;
        let shares = admission.capacity.shares(needs.memories, needs.tables);
        let lazy = needs.guest_bytes.saturating_add(needs.result_bytes);
        // Nobody is told of what is taken and given back at once, or those who wait would wake one another.
        let runs = admission.runs.take(shares, "run slots")?;
        let bytes = needs.host_bytes.saturating_add(lazy);
        admission.take(bytes, &self.principal).inspect_err(|_| admission.runs.give(runs))?;
        *self.surge() = Some(Surge::new(needs.guest_bytes, lazy));
        Ok(Permit {
            parking: Arc::clone(self),
            runs,
            bytes: needs.host_bytes,
            guest_bytes: needs.guest_bytes,
        })
    }

    /// Records that the run begins, and its deadline.
    pub(crate) fn begin(&self, deadline: Instant) {
        let _ = self.deadline.set(deadline);
    }

    /// Returns whether the deadline has passed, so that the run only needs to end.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }

    /// Ends a slice, whether or not the run has ended.
    pub(crate) fn park(&self) {
        let back = self.surge().as_mut().map_or(0, Surge::park);
        self.principal.give(back);
        self.admission.give(back);
    }

    /// Reserves a slice's worst case. If the budget is too small, the run ends by itself.
    pub(crate) fn resume(&self) {
        let mut surge = self.surge();
        let Some(surge) = surge.as_mut() else { return };
        let missing = surge.missing();
        if missing == 0 {
            return;
        }
        if self.admission.take(missing, &self.principal).is_ok() {
            surge.resume();
        } else {
            self.refused.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the run must end because the host has no memory for its next slice.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn surge(&self) -> MutexGuard<'_, Option<Surge>> {
        self.surge.lock().unwrap_or_else(PoisonError::into_inner)
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
