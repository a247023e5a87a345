//! Memory for bodies that are being received and parsed, before any run is admitted: a sum over all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ServeError;

/// Bytes that all bodies together may take.
#[derive(Debug)]
pub(crate) struct Budget {
    size: u64,
    used: AtomicU64,
}

/// What one body has taken. Dropped, it gives that back.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0) })
    }

    /// Nothing yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Held {
    /// Takes as much more, or nothing.
    pub(crate) fn more(&mut self, bytes: u64) -> Result<(), ServeError> {
        let size = self.budget.size;
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= size);
        match self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.bytes = self.bytes.saturating_add(bytes);
                Ok(())
            }
            Err(_) => Err(ServeError::BodiesFull),
        }
    }
}

impl Held {
    /// Gives back all but so much.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.used.fetch_sub(back, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_sub(back);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
