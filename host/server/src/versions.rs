//! Loaded versions that are not current. A version loads at its first use, and counts for the owner whose caller used
//! it.
//!
//! An owner has a maximum number of them. A further one replaces the owner's own least recent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ringfence::Digest;
use ringfence_store::{Name, Owner, Version};
use tokio::sync::OnceCell;

use crate::catalog::Ready;

/// A version of a name under one owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) name: Name,
    pub(crate) owner: Owner,
    pub(crate) version: Version,
    pub(crate) digest: Digest,
}

/// The cell of a version, which the first caller fills; others wait for that.
pub(crate) type Cell = Arc<OnceCell<Arc<Ready>>>;

/// All loaded versions that are not current.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Cells, each with the owner in whose account it is.
    cells: HashMap<Key, (Cell, Arc<str>)>,
    /// The versions in each owner's account, most recent last.
    owners: HashMap<Arc<str>, VecDeque<Key>>,
}

impl Versions {
    /// Returns the cell of a version. It stays until `asking` uses `most` others.
    pub(crate) fn cell(&self, key: &Key, asking: &Arc<str>, most: usize) -> Cell {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        if let Some((cell, owner)) = kept.cells.get(key) {
            if owner == asking
                && let Some(order) = kept.owners.get_mut(owner)
                && let Some(at) = order.iter().position(|known| known == key)
                && let Some(key) = order.remove(at)
            {
                order.push_back(key);
            }
            return Arc::clone(cell);
        }
        let order = kept.owners.entry(Arc::clone(asking)).or_default();
        while order.len() >= most.max(1) {
            let Some(oldest) = order.pop_front() else { break };
            kept.cells.remove(&oldest);
        }
        order.push_back(key.clone());
        let cell = Cell::default();
        kept.cells.insert(key.clone(), (Arc::clone(&cell), Arc::clone(asking)));
        cell
    }

    /// Returns the loaded versions.
    pub(crate) fn loaded(&self) -> Vec<Arc<Ready>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cells.values().filter_map(|(cell, _)| cell.get().map(Arc::clone)).collect()
    }

    /// Drops versions that can no longer run.
    pub(crate) fn keep(&self, may_run: impl Fn(&Key) -> bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cells.retain(|key, _| may_run(key));
        kept.owners.retain(|_, order| {
            order.retain(&may_run);
            !order.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(version: u64) -> Key {
        Key {
            name: "skill".parse().expect("a name"),
            owner: "alice".parse().expect("an owner"),
            version: version.to_string().parse().expect("a version"),
            digest: Digest::of(&version.to_le_bytes()),
        }
    }

    #[test]
    fn an_owner_over_its_cap_loses_its_own_versions() {
        let versions = Versions::default();
        let (bob, mallory): (Arc<str>, Arc<str>) = ("bob".into(), "mallory".into());
        let bobs: Vec<Cell> = (0..3).map(|n| versions.cell(&key(n), &bob, 3)).collect();
        for n in 10..1_000 {
            versions.cell(&key(n), &mallory, 3);
            // What somebody else asked for first is not in this account.
            versions.cell(&key(n % 3), &mallory, 3);
        }
        for (n, cell) in (0..).zip(&bobs) {
            assert!(Arc::ptr_eq(cell, &versions.cell(&key(n), &bob, 3)), "{n} is kept");
        }
        let kept = versions.kept.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(kept.cells.len(), 6);
    }

    #[test]
    fn the_most_recently_used_version_stays_longest() {
        let versions = Versions::default();
        let bob: Arc<str> = "bob".into();
        let first = versions.cell(&key(1), &bob, 2);
        let second = versions.cell(&key(2), &bob, 2);
        assert!(Arc::ptr_eq(&first, &versions.cell(&key(1), &bob, 2)));
        versions.cell(&key(3), &bob, 2);
        assert!(Arc::ptr_eq(&first, &versions.cell(&key(1), &bob, 2)));
        assert!(!Arc::ptr_eq(&second, &versions.cell(&key(2), &bob, 2)));
        versions.keep(|known| *known == key(2));
        let kept = versions.kept.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((kept.cells.len(), kept.owners.len()), (1, 1));
    }
}
