//! Memory that requests take beside their runs: bodies that are being received and parsed, and answers that wait to be
//! taken. A sum over all requests, and a share of it for each principal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::error::ServeError;

/// What one principal may take of it: a part, so that its bodies leave room for others'.
const SHARE: u64 = 4;

/// Bytes that all together may take.
#[derive(Debug)]
pub(crate) struct Budget {
    size: u64,
    used: AtomicU64,
    /// What whoever finds no room is told.
    full: fn() -> ServeError,
}

/// What one body or answer has taken. Dropped, it gives that back.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    /// What its principal has taken.
    own: Arc<AtomicU64>,
    bytes: u64,
}

impl Budget {
    /// For bodies.
    pub(crate) fn bodies(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0), full: || ServeError::BodiesFull })
    }

    /// For answers.
    pub(crate) fn answers(size: u64) -> Arc<Self> {
        Arc::new(Self { size, used: AtomicU64::new(0), full: || ServeError::AnswersFull })
    }

    /// What one principal may take.
    pub(crate) fn share(size: u64) -> u64 {
        size.div_euclid(SHARE)
    }

    /// Nothing yet, for the principal whose bodies are counted so.
    pub(crate) fn hold(self: &Arc<Self>, own: &Arc<AtomicU64>) -> Held {
        Held { budget: Arc::clone(self), own: Arc::clone(own), bytes: 0 }
    }

    /// Whether there is room for anything at all.
    pub(crate) fn has_room(&self, own: &AtomicU64) -> Result<(), ServeError> {
        let own_is_full = own.load(Ordering::Relaxed) >= Self::share(self.size);
        if own_is_full || self.used.load(Ordering::Relaxed) >= self.size {
            Err((self.full)())
        } else {
            Ok(())
        }
    }

    /// Bytes that are counted until the last of them was taken.
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

/// Bytes, and the memory that is counted for them.
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
    /// Takes as much more, or nothing.
    pub(crate) fn more(&mut self, bytes: u64) -> Result<(), ServeError> {
        if !take(&self.own, bytes, Budget::share(self.budget.size)) {
            return Err((self.budget.full)());
        }
        if !take(&self.budget.used, bytes, self.budget.size) {
            self.own.fetch_sub(bytes, Ordering::Relaxed);
            return Err((self.budget.full)());
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
    fn an_answer_is_counted_until_it_is_taken() {
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
