//! Principals: the parties between which a host shares processor and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RunError;

/// A party whose runs share processor and memory with those of others: a tenant, an owner, a session.
///
/// A clone is the same principal. Two principals with one name share the processor as one, but each has its own
/// account of memory. Create one principal for each tenant and keep it.
#[derive(Debug, Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    memory: AtomicU64,
    used: AtomicU64,
}

impl Principal {
    /// Creates a principal that can use all of the host's memory.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let inner = Inner { name: name.into(), memory: AtomicU64::new(u64::MAX), used: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Sets the maximum bytes of [`crate::HostConfig::memory`] for all its runs together.
    ///
    /// A run beyond it waits or fails with [`crate::RunError::Overloaded`]. A run that grows beyond it ends as
    /// [`crate::Outcome::HostOverloaded`]. Default: all memory. A change applies to later reservations.
    pub fn set_memory(&self, bytes: u64) {
        self.inner.memory.store(bytes, Ordering::Relaxed);
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the bytes that its current runs have reserved.
    pub fn memory_used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.inner.name
    }

    /// Reserves bytes of its share.
    pub(crate) fn take(&self, wanted: u64) -> Result<(), RunError> {
        const WHAT: &str = "bytes of this principal's share of memory";
        let most = self.inner.memory.load(Ordering::Relaxed);
        if wanted > most {
            return Err(RunError::TooLarge { what: WHAT, wanted, size: most });
        }
        let fits = |used: u64| used.checked_add(wanted).filter(|used| *used <= most);
        let taken = self.inner.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        let short = |used| RunError::Overloaded { what: WHAT, wanted, free: most.saturating_sub(used) };
        taken.map(drop).map_err(short)
    }

    pub(crate) fn give(&self, taken: u64) {
        if taken == 0 {
            return;
        }
        self.inner.used.fetch_sub(taken, Ordering::Relaxed);
    }
}
