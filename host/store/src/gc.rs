//! Collects garbage: leftovers, components without a version, code of unused engines, code of files that were only run,
//! and old versions on request.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::artifacts::{digest_of, hex};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::store::{Store, now};
use ringfence::Digest;

/// Options of a collection.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Gc {
    /// Keep only this many of the newest versions of each skill, the current one and held ones. Default: keep all.
    pub keep_versions: Option<u64>,
    /// Remove the code of every other engine. Default: of engines for which nothing was compiled for 30 days.
    pub other_engines: bool,
}

/// Time without a compilation after which an engine counts as unused.
const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Gc {
    /// Creates options; with a number, old versions go too.
    pub fn new(keep_versions: Option<u64>) -> Self {
        Self { keep_versions, other_engines: false }
    }
}

/// The result of a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// Drafts that no process writes.
    pub drafts: u64,
    /// Old versions.
    pub versions: u64,
    /// Components without a version, and code of such components.
    pub unused: Freed,
    /// Code of another version of Ringfence or of its engine, or with other settings.
    pub stale: Freed,
}

impl Store {
    /// Removes what nothing uses. The code of the engine with `fingerprint` ([`ringfence::Host::fingerprint`]) stays.
    ///
    /// It leaves foreign files alone; `verify` lists them.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if a record cannot be read: its components are then unknown, so none is
    /// removed. What was removed before stays removed.
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
                // A server with other settings, or of the version before, may be running beside this one.
                let idle = now().saturating_sub(u64::try_from(folder.changed()?).unwrap_or(0));
                if !gc.other_engines && idle < IDLE.as_secs() {
                    continue;
                }
                forget_in(&folder, |_| true, &mut collected.stale)?;
                // Not empty: something in it is not the store's.
                let _ = self.artifacts.remove_folder(&engine);
            }
        }
        if let Some(keep) = gc.keep_versions {
            for listed in self.list()? {
                let mut record = listed.record?;
                let removed = record.keep_newest(usize::try_from(keep).unwrap_or(usize::MAX), now());
                if removed > 0 {
                    self.write(&record)?;
                    collected.versions = collected.versions.saturating_add(removed);
                }
            }
        }
        collected.unused = self.free(|_| true)?;
        let used = self.used()?;
        collected.unused.join(self.forget_artifacts(|digest| !used.contains(&digest))?);
        Ok(collected)
    }
}

/// Removes the artifacts of some skills, of one engine.
fn forget_in(folder: &Folder, which: impl Fn(Digest) -> bool, freed: &mut Freed) -> Result<(), StoreError> {
    for file in folder.names()? {
        if digest_of(&file, ".cwasm").is_some_and(&which) {
            folder.remove_plain(&file)?.into_iter().for_each(|size| freed.add(size));
        }
    }
    Ok(())
}

impl Store {
    /// Returns the digests of all records.
    ///
    /// # Errors
    ///
    /// Fails if a record cannot be read, because its components are unknown.
    fn used(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut used = BTreeSet::new();
        for listed in self.list()? {
            used.extend(listed.record?.versions.iter().map(|entry| entry.digest));
        }
        Ok(used)
    }

    /// Removes the components of `which` that no record has, and their artifacts. Removes nothing if a record cannot be
    /// read. The caller has the lock.
    pub(crate) fn free(&self, which: impl Fn(Digest) -> bool) -> Result<Freed, StoreError> {
        let used = self.used()?;
        let (mut freed, mut gone) = (Freed::default(), BTreeSet::new());
        for file in self.components.names()? {
            let Some(digest) = digest_of(&file, ".wasm") else { continue };
            if which(digest) && !used.contains(&digest) {
                if let Some(size) = self.components.remove_plain(&file)? {
                    freed.add(size);
                }
                gone.insert(digest);
            }
        }
        if !gone.is_empty() {
            freed.join(self.forget_artifacts(|digest| gone.contains(&digest))?);
        }
        Ok(freed)
    }

    /// Removes the artifacts of some skills, of every engine.
    pub(crate) fn forget_artifacts(&self, which: impl Fn(Digest) -> bool) -> Result<Freed, StoreError> {
        let mut freed = Freed::default();
        for engine in self.artifacts.names()? {
            if let Ok(Some(folder)) = self.artifacts.folder(&engine) {
                forget_in(&folder, &which, &mut freed)?;
            }
        }
        Ok(freed)
    }
}

/// Removed files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Freed {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Freed {
    fn join(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}
