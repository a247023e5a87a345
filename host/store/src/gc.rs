//! Frees what nobody needs: leftovers, components that nothing points at, code of engines that are gone, code of
//! files that were only run, and old versions where that is asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::artifacts::{digest_of, hex};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::store::{Store, now};
use ringfence::Digest;

/// What to free.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Gc {
    /// Also remove versions, but for the newest so many of each skill, the current one and held ones.
    /// Default: none is removed.
    pub keep_versions: Option<u64>,
    /// Remove the code of every other engine. Default: of those for which nothing was compiled for 30 days.
    pub other_engines: bool,
}

/// So long nothing was compiled for an engine that counts as gone.
const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Gc {
    /// Frees what nobody needs; with a number, old versions as well.
    pub fn new(keep_versions: Option<u64>) -> Self {
        Self { keep_versions, other_engines: false }
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
    /// The digests that records point at.
    ///
    /// # Errors
    ///
    /// When a record cannot be read: what it points at is not known.
    fn used(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut used = BTreeSet::new();
        for listed in self.list()? {
            used.extend(listed.record?.versions.iter().map(|entry| entry.digest));
        }
        Ok(used)
    }

    /// Removes components that no record points at and `which` names, and their artifacts. Removes nothing when a
    /// record cannot be read. The caller holds the lock.
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

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Freed {
    /// How many files.
    pub files: u64,
    /// How many bytes they had.
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
