//! Loaded skills of a process, up to a number. Each is loaded once, however many requests want it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ringfence::{Digest, Skill};
use tokio::sync::OnceCell;

use crate::error::StoreError;

/// Loaded skills, the oldest first in `order`.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    cells: HashMap<Digest, Cell>,
    order: VecDeque<Digest>,
}

/// A skill that is loaded once: all concurrent requests get the same skill or the same error.
pub(super) type Cell = Arc<OnceCell<Result<Skill, Arc<StoreError>>>>;

/// Maximum number of loaded skills. One more drops the one that was loaded first, so that a server does not keep
/// replaced or removed skills forever.
const REMEMBERED: usize = 1_024;

impl Remembered {
    pub(super) fn cell(&mut self, digest: Digest) -> Cell {
        if let Some(cell) = self.cells.get(&digest) {
            return Arc::clone(cell);
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.cells.remove(&oldest);
        }
        self.order.push_back(digest);
        Arc::clone(self.cells.entry(digest).or_default())
    }

    pub(super) fn forget(&mut self, digest: Digest) {
        self.cells.remove(&digest);
        self.order.retain(|known| *known != digest);
    }

    /// Drops a failed load, so that the next request tries again, unless another one does already.
    pub(super) fn forget_failed(&mut self, digest: Digest, failed: &Cell) {
        if self.cells.get(&digest).is_some_and(|cell| Arc::ptr_eq(cell, failed)) {
            self.forget(digest);
        }
    }
}
