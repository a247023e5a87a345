//! Budgets of memory for requests beside their runs: bodies that are received and parsed, and responses that wait to
//! be sent.
//!
//! A budget limits the sum over all requests, and the share of each principal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ringfence_front::request::RequestError;

use crate::error::ServeError;
use crate::sizes::share;

/// A budget of bytes, shared by all requests.
#[derive(Debug)]
pub(crate) struct Budget {
    size: u64,
    used: AtomicU64,
    /// Returns the error for a request that does not fit.
    full: fn() -> ServeError,
}

/// The bytes charged for one body or response. Dropping it releases them.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    /// Bytes charged to the principal.
    own: Arc<AtomicU64>,
    bytes: u64,
}

impl Budget {
    /// Creates a budget for bodies.
    pub(crate) fn bodies(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0), full: || RequestError::BodiesFull.into() })
    }

    /// Creates a budget for responses.
    pub(crate) fn answers(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0), full: || ServeError::AnswersFull })
    }

    /// Starts an empty charge for the principal with this counter.
    pub(crate) fn hold(self: &Arc<Self>, own: &Arc<AtomicU64>) -> Held {
        Held { budget: Arc::clone(self), own: Arc::clone(own), bytes: 0 }
    }

    /// Checks that neither the budget nor the principal's share is used up.
    pub(crate) fn has_room(&self, own: &AtomicU64) -> Result<(), ServeError> {
        let own_is_full = own.load(Ordering::Relaxed) >= share(self.size);
        if own_is_full || self.used.load(Ordering::Relaxed) >= self.size {
            Err((self.full)())
        } else {
            Ok(())
        }
    }

    /// Returns bytes that are charged until the last of them was sent.
    pub(crate) fn waiting(
        self: &Arc<Self>,
        own: &Arc<AtomicU64>,
        bytes: Vec<u8>,
    ) -> Result<Bytes, ServeError> {
        let mut held = self.hold(own);
        held.more(bytes.capacity() as u64)?;
        Ok(Bytes::from_owner(Waiting { bytes, _held: held }))
    }
}

/// Bytes, and the charge for them.
struct Waiting {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    /// Charges this many bytes more, or none.
    pub(crate) fn more(&mut self, bytes: u64) -> Result<(), ServeError> {
        if !take(&self.own, bytes, share(self.budget.size)) {
            return Err((self.budget.full)());
        }
        if !take(&self.budget.used, bytes, self.budget.size) {
            self.own.fetch_sub(bytes, Ordering::Relaxed);
            return Err((self.budget.full)());
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Releases all but this many bytes.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.used.fetch_sub(back, Ordering::Relaxed);
        self.own.fetch_sub(back, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_sub(back);
    }
}

fn take(used: &AtomicU64, bytes: u64, most: u64) -> bool {
    let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= most);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
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
        let budget = Budget::bodies(400);
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

    #[test]
    fn an_answer_is_counted_until_it_is_read() {
        let budget = Budget::answers(400);
        let own = Arc::default();
        let first = budget.waiting(&own, vec![0; 100]).expect("it fits");
        let same = first.clone();
        assert!(matches!(budget.has_room(&own), Err(ServeError::AnswersFull)));
        assert!(matches!(budget.waiting(&own, vec![0]), Err(ServeError::AnswersFull)));
        drop(first);
        assert!(budget.has_room(&own).is_err(), "some of it waits still");
        drop(same);
        assert!(budget.has_room(&own).is_ok());
        assert!(budget.waiting(&own, vec![0; 100]).is_ok());
    }
}
