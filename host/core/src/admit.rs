//! Admission: a run reserves its slot, its share of the pool and its memory before it begins.
//!
//! A run whose skill has many memories or tables takes several slots, so that the pool cannot run out
//! under the runs that were admitted. A [`Permit`] is given only when everything fits, and gives everything back when it is dropped,
//! however the run ends. Growth during the run is charged to the same budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Capacity;
use crate::error::RunError;
use crate::validate::Counts;

/// Bytes of host memory that every run takes beside its own: stack pages, store, report.
pub(crate) const RUN_BYTES: u64 = 64 << 10;

/// What the host can still give.
#[derive(Debug)]
pub(crate) struct Admission {
    capacity: Capacity,
    runs: Pool,
    bytes: Pool,
}

/// What a run needs before it begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    memories: u64,
    tables: u64,
    /// Bytes of memories and tables at the start.
    pub(crate) guest_bytes: u64,
    /// Bytes that the host may hold for the run: input, result, log.
    pub(crate) host_bytes: u64,
}

impl Needs {
    pub(crate) fn of(counts: &Counts) -> Self {
        Self {
            memories: counts.memories,
            tables: counts.tables,
            guest_bytes: counts.memory.saturating_add(counts.table_elements.saturating_mul(8)),
            host_bytes: RUN_BYTES.saturating_add(counts.records),
        }
    }
}

impl Admission {
    pub(crate) fn new(capacity: Capacity, bytes: u64) -> Self {
        Self { capacity, runs: Pool::new(capacity.runs.into()), bytes: Pool::new(bytes) }
    }

    /// Reserves what a run needs, all of it or nothing.
    pub(crate) fn admit(self: &Arc<Self>, needs: Needs) -> Result<Permit, RunError> {
        let shares = self.capacity.shares(needs.memories, needs.tables);
        let bytes = needs.guest_bytes.saturating_add(needs.host_bytes);
        let mut permit = Permit { admission: Arc::clone(self), runs: 0, bytes: 0, guest_bytes: 0 };
        // Dropping the permit gives back what it holds so far.
        permit.runs = self.runs.take(shares, "slots for runs")?;
        permit.bytes = self.bytes.take(bytes, "bytes of memory")?;
        permit.guest_bytes = needs.guest_bytes;
        Ok(permit)
    }

    /// Bytes reserved now, for runs that are under way.
    pub(crate) fn reserved_bytes(&self) -> u64 {
        self.bytes.used.load(Ordering::Relaxed)
    }

    /// Slots taken now by runs that are under way.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.used.load(Ordering::Relaxed)
    }
}

/// Leave for one run.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    runs: u64,
    bytes: u64,
    /// The part of `bytes` that is for memories and tables.
    guest_bytes: u64,
}

impl Permit {
    /// Makes sure that `total` bytes of memories and tables are paid for. False when the host's
    /// budget does not have them; nothing is charged then.
    pub(crate) fn cover_guest(&mut self, total: u64) -> bool {
        let more = total.saturating_sub(self.guest_bytes);
        if more == 0 {
            return true;
        }
        let Ok(more) = self.admission.bytes.take(more, "bytes of memory") else { return false };
        self.bytes = self.bytes.saturating_add(more);
        self.guest_bytes = total;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.bytes.give(self.bytes);
        self.admission.runs.give(self.runs);
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
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(wanted),
            Err(used) => Err(RunError::Overloaded { what, wanted, free: self.size.saturating_sub(used) }),
        }
    }

    fn give(&self, taken: u64) {
        if taken > 0 {
            self.used.fetch_sub(taken, Ordering::Relaxed);
        }
    }
}
