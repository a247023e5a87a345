//! The share of each principal in the host; all tokens of an owner have one in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ringfence::Principal as Share;

/// Shares, by the key of the principal.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    by_key: Mutex<HashMap<Arc<str>, Share>>,
}

impl Shares {
    /// Returns the share of a principal, and sets its memory in bytes.
    pub(crate) fn of(&self, key: &Arc<str>, memory: u64) -> Share {
        let mut shares = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry(Arc::clone(key)).or_insert_with(|| Share::new(Arc::clone(key)));
        share.set_memory(memory);
        share.clone()
    }
}
