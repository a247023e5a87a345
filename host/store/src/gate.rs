//! Lets the threads of a process change the store one at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Lets one thread of this process in at a time.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    taken: Mutex<bool>,
    free: Condvar,
}

#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// Enters the gate; returns none if that takes too long.
    pub(crate) fn enter(&self, patience: Duration) -> Option<Inside<'_>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.free.wait_timeout_while(taken, patience, |taken| *taken);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return None;
        }
        *taken = true;
        Some(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.free.notify_one();
    }
}
