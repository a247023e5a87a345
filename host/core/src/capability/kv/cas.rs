//! The handles of `wasi:keyvalue/atomics`: the revision of a key that a swap expects.

use wasmtime::component::Resource;

use crate::grants::Expected;

/// Maximum number of a run's handles.
const HANDLES: usize = 1_000;

/// Maximum bytes of the key of a handle, which the host keeps.
pub(super) const KEY: usize = 1_024;

/// `atomics.cas`: a key, and the revision that a swap expects.
#[derive(Debug, Clone)]
pub(crate) struct Cas {
    pub(super) key: String,
    /// None if the key does not exist.
    pub(super) revision: Option<u64>,
}

impl Cas {
    pub(super) fn expected(&self) -> Expected {
        self.revision.map_or(Expected::Absent, Expected::Revision)
    }
}

/// The handles of a run.
#[derive(Debug, Default)]
pub(crate) struct Swaps(Vec<Option<Cas>>);

impl Swaps {
    /// Adds a handle. None if there are too many.
    pub(super) fn add(&mut self, cas: Cas) -> Option<Resource<Cas>> {
        let index = match self.0.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.0.len() < HANDLES => {
                self.0.push(None);
                self.0.len().checked_sub(1)?
            }
            None => return None,
        };
        *self.0.get_mut(index)? = Some(cas);
        Some(Resource::new_own(u32::try_from(index).ok()?))
    }

    pub(super) fn get(&mut self, handle: u32) -> Option<&mut Cas> {
        self.0.get_mut(handle as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, handle: u32) -> Option<Cas> {
        self.0.get_mut(handle as usize)?.take()
    }
}
