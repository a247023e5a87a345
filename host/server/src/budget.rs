//! Memory for bodies that are being received and parsed, before any run is admitted: a sum over all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ServeError;

/// What one principal may take of it: a part, so that its bodies leave room for others'.
const SHARE: u64 = 4;

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
    /// What its principal has taken.
    own: Arc<AtomicU64>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0) })
    }

    /// What one principal may take.
    pub(crate) fn share(size: u64) -> u64 {
        size.div_euclid(SHARE)
    }

    /// Nothing yet, for the principal whose bodies are counted so.
    pub(crate) fn hold(self: &Arc<Self>, own: &Arc<AtomicU64>) -> Held {
        Held { budget: Arc::clone(self), own: Arc::clone(own), bytes: 0 }
    }
}

impl Held {
    /// Takes as much more, or nothing.
    pub(crate) fn more(&mut self, bytes: u64) -> Result<(), ServeError> {
        take(&self.own, bytes, Budget::share(self.budget.size))?;
        if let Err(full) = take(&self.budget.used, bytes, self.budget.size) {
            self.own.fetch_sub(bytes, Ordering::Relaxed);
            return Err(full);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Gives back all but so much.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.used.fetch_sub(back, Ordering::Relaxed);
        self.own.fetch_sub(back, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_sub(back);
    }
}

fn take(used: &AtomicU64, bytes: u64, most: u64) -> Result<(), ServeError> {
    let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= most);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
        .map(|_| ())
        .map_err(|_| ServeError::BodiesFull)
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keep(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_its_share_and_all_have_the_whole() {
        let budget = Budget::new(400);
        let (alice, bob) = (Arc::default(), Arc::default());
        let mut first = budget.hold(&alice);
        assert!(first.more(100).is_ok());
        assert!(budget.hold(&alice).more(1).is_err(), "over the share");
        let mut second = budget.hold(&bob);
        assert!(second.more(100).is_ok());
        let others: Vec<Held> = (0..2)
            .map(|_| {
                let mut held = budget.hold(&Arc::default());
                assert!(held.more(100).is_ok());
                held
            })
            .collect();
        assert!(budget.hold(&Arc::default()).more(1).is_err(), "over the whole");
        first.keep(50);
        assert!(budget.hold(&Arc::default()).more(50).is_ok());
        drop(others);
        drop((first, second));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
        assert_eq!(alice.load(Ordering::Relaxed), 0);
    }
}
