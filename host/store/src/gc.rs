//! Frees what nobody needs: leftovers, components that nothing points at, code of other engines, code of
//! files that were only run, and old versions where that is asked for.

use serde::Serialize;

use crate::artifacts::{digest_of, hex};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::store::{Freed, Store};
use ringfence::Digest;

/// What to free.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Gc {
    /// Also remove versions, but for the newest so many of each skill, the current one and held ones.
    /// Default: none is removed.
    pub keep_versions: Option<u64>,
}

impl Gc {
    /// Frees what nobody needs; with a number, old versions as well.
    pub fn new(keep_versions: Option<u64>) -> Self {
        Self { keep_versions }
    }
}

/// What was freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// Drafts that no process was writing.
    pub drafts: u64,
    /// Old versions.
    pub versions: u64,
    /// Components, and the code of components, that nothing points at.
    pub unused: Freed,
    /// Code of another version of Ringfence or of its engine, or with other settings.
    pub stale: Freed,
}

impl Store {
    /// Frees what nobody needs. `fingerprint` is the engine whose code stays ([`ringfence::Host::fingerprint`]).
    /// What is not the store's is left alone; `verify` names it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when a record cannot be read: what it points at is not known, so no component
    /// is removed. What was freed before stays freed.
    pub fn gc(&self, gc: Gc, fingerprint: Digest) -> Result<Collected, StoreError> {
        let mut collected = Collected { drafts: self.scratch.clean()?, ..Collected::default() };
        let lock = self.lock(None)?;
        // Old versions may go before their components do. A full disk must not keep anybody from freeing it.
        let _ = lock.note("gc");
        for engine in self.artifacts.names()? {
            if engine == hex(fingerprint) || digest_of(&engine, "").is_none() {
                continue;
            }
            if let Ok(Some(folder)) = self.artifacts.folder(&engine) {
                remove_all(&folder, &mut collected.stale)?;
                // Not empty: something in it is not the store's.
                let _ = self.artifacts.remove_folder(&engine);
            }
        }
        if let Some(keep) = gc.keep_versions {
            for listed in self.list()? {
                let mut record = listed.record?;
                let removed =
                    record.keep_newest(usize::try_from(keep).unwrap_or(usize::MAX), crate::store::now());
                if removed > 0 {
                    self.write(&record)?;
                    collected.versions = collected.versions.saturating_add(removed);
                }
            }
        }
        collected.unused = self.free(|_| true)?;
        Ok(collected)
    }
}

fn remove_all(folder: &Folder, freed: &mut Freed) -> Result<(), StoreError> {
    for file in folder.names()? {
        if digest_of(&file, ".cwasm").is_some() {
            folder.remove_plain(&file)?.into_iter().for_each(|size| freed.add(size));
        }
    }
    Ok(())
}
