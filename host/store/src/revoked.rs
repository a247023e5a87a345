//! Revocations: digests that never run again, with reason, author, and whether to cancel current runs.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use ringfence::{Digest, text};
use serde::{Deserialize, Serialize};

use crate::artifacts::hex;
use crate::error::StoreError;
use crate::record;
use crate::store::{Store, is_young, now};

/// Maximum bytes of a revocation's file.
const MOST: u64 = 64 << 10;

/// Maximum bytes of a reason.
const REASON: usize = 1024;

/// Maximum bytes of an author's name.
const BY: usize = 128;

/// A revocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revocation {
    /// The digest that never runs again.
    pub digest: Digest,
    /// The time, in seconds since 1970.
    pub at: u64,
    /// The reason.
    pub reason: Option<String>,
    /// Who revoked it, if recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether current runs are cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_running: bool,
}

/// Options of a revocation.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Revoke {
    /// The reason, which refused callers see.
    pub reason: Option<String>,
    /// Who revokes the digest, for the record and the logs.
    pub by: Option<String>,
    /// Whether to cancel current runs, in every process. Default: they run to their end.
    pub cancel_running: bool,
}

impl Revoke {
    /// Creates options with a reason; current runs continue to their end.
    pub fn new(reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), by: None, cancel_running: false }
    }
}

/// All currently revoked digests, for frequent lists. It reads a directory's time at each use, and the directory only
/// if that has changed. It thus sees a revocation by another process at the next use.
#[derive(Debug, Default)]
pub struct RevokedNow {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// None if a change now could have the same time.
    stamp: Option<(i64, i64)>,
    digests: Arc<HashSet<Digest>>,
}

impl RevokedNow {
    /// Returns every revoked digest of a store. Always pass the same store.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the store cannot be read.
    pub fn of(&self, store: &Store) -> Result<Arc<HashSet<Digest>>, StoreError> {
        // Before what it stands for: what changes meanwhile is read again.
        let stamp = store.revoked.stamp()?;
        {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if kept.stamp == Some(stamp) {
                return Ok(Arc::clone(&kept.digests));
            }
        }
        let digests = Arc::new(store.revoked()?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept { stamp: (!is_young(stamp)).then_some(stamp), digests: Arc::clone(&digests) };
        Ok(digests)
    }
}

impl Store {
    /// Revokes a digest: it never runs again, whatever its name, and its code is removed.
    ///
    /// It is for the store's admin and cannot be undone. After it returns, no process of the store begins a run of the
    /// digest.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the revocation cannot be written; the digest is then not revoked. Fails with
    /// [`StoreError::NotDurable`] if it is revoked but a power failure can undo that.
    pub fn revoke(&self, digest: Digest, reason: Option<&str>) -> Result<(), StoreError> {
        self.revoke_as(digest, &Revoke::new(reason))
    }

    /// Revokes a digest as [`Store::revoke`] does, with options.
    ///
    /// A revoked digest keeps its first reason; its runs can still be cancelled.
    ///
    /// # Errors
    ///
    /// As [`Store::revoke`].
    pub fn revoke_as(&self, digest: Digest, revoke: &Revoke) -> Result<(), StoreError> {
        let _lock = self.lock(None)?;
        let new = if self.is_revoked(digest)? {
            // What cannot be read counts as a revocation that cancels, and stays.
            let before = self.revocation(digest).filter(|before| !before.cancel_running);
            before
                .filter(|_| revoke.cancel_running)
                .map(|before| Revocation { cancel_running: true, ..before })
        } else {
            let clean = |said: &Option<String>, most| said.as_deref().map(|said| text::clean(said, most));
            let (reason, by) = (clean(&revoke.reason, REASON), clean(&revoke.by, BY));
            Some(Revocation { digest, at: now(), reason, by, cancel_running: revoke.cancel_running })
        };
        if let Some(revocation) = new {
            let mut bytes = serde_json::to_vec(&revocation).unwrap_or_default();
            record::seal(&mut bytes);
            let mut draft = self.scratch.draft(0o600)?;
            draft.write(&bytes)?;
            draft.keep(&self.revoked, &file(digest))?;
        }
        // Revoked is what is written above; that the code is gone as well only saves space.
        let _ = self.forget_artifacts(|known| known == digest);
        Ok(())
    }

    /// Checks that a digest is not revoked. Any file in the place of its revocation counts as one.
    ///
    /// The check is one look-up of a name in a directory, so that every run can repeat it.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Revoked`].
    pub fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        if !self.is_revoked(digest)? {
            return Ok(());
        }
        Err(StoreError::Revoked {
            digest,
            reason: self.revocation(digest).and_then(|revoked| revoked.reason),
        })
    }

    /// Returns whether a digest is revoked.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the store cannot be read. Nothing runs then.
    pub fn is_revoked(&self, digest: Digest) -> Result<bool, StoreError> {
        self.revoked.has(&file(digest))
    }

    /// Lists every revoked digest.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the store cannot be read.
    pub fn revoked(&self) -> Result<HashSet<Digest>, StoreError> {
        let digest = |file: &String| file.strip_suffix(".json").and_then(|hex| hex.parse().ok());
        Ok(self.revoked.names()?.iter().filter_map(digest).collect())
    }

    /// Returns the revocation of a digest, if it can be read.
    pub fn revocation(&self, digest: Digest) -> Option<Revocation> {
        let bytes = self.revoked.read(&file(digest), MOST).ok()??;
        serde_json::from_slice(record::unseal(&bytes).ok()?).ok()
    }

    /// Returns whether to cancel current runs of a digest: its revocation says so, or it cannot be read.
    pub(crate) fn cancels(&self, digest: Digest) -> bool {
        match self.is_revoked(digest) {
            Ok(true) => self.revocation(digest).is_none_or(|revoked| revoked.cancel_running),
            // What cannot be seen now is seen at the next look; no run begins meanwhile.
            Ok(false) | Err(_) => false,
        }
    }
}

fn file(digest: Digest) -> String {
    format!("{}.json", hex(digest))
}
