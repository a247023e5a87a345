//! Revocations: what never runs again, why, who said so, and whether runs that are under way are to end.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use ringfence::{Digest, text};
use serde::{Deserialize, Serialize};

use crate::artifacts::hex;
use crate::error::StoreError;
use crate::record;
use crate::store::{Store, is_young, now};

/// Most bytes of a revocation's file.
const MOST: u64 = 64 << 10;

/// Longest reason, in bytes.
const REASON: usize = 1024;

/// Longest name of who revoked, in bytes.
const BY: usize = 128;

/// What is known of a revocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revocation {
    /// What never runs again.
    pub digest: Digest,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why, as it was said.
    pub reason: Option<String>,
    /// Who revoked it, as far as that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether runs that were under way are cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_running: bool,
}

/// How a digest is to be revoked.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Revoke {
    /// Why, for whoever meets the refusal.
    pub reason: Option<String>,
    /// Who revokes it, for the record and the logs.
    pub by: Option<String>,
    /// Cancel the runs that are under way, in every process. Default: they go on to their end.
    pub cancel_running: bool,
}

impl Revoke {
    /// Revokes for a reason, and lets runs that are under way go on to their end.
    pub fn new(reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), by: None, cancel_running: false }
    }
}

/// All digests that are revoked now, for lists that ask often. One look at a directory's time says whether it has to be
/// read again, so a revocation by another process is seen at the next question.
#[derive(Debug, Default)]
pub struct RevokedNow {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// None if what changes now could bear the same.
    stamp: Option<(i64, i64)>,
    digests: Arc<HashSet<Digest>>,
}

impl RevokedNow {
    /// Returns every digest that is revoked in a store; always ask for the same store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that cannot be seen.
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
    /// Revokes a digest: it never runs again, under whatever name, and its code is removed. For the store's
    /// admin; there is no way back. After it has returned no run of it begins, in any process of the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written; then the digest is not revoked. [`StoreError::NotDurable`] when it
    /// is, and a failure of power may undo that.
    pub fn revoke(&self, digest: Digest, reason: Option<&str>) -> Result<(), StoreError> {
        self.revoke_as(digest, &Revoke::new(reason))
    }

    /// As [`Store::revoke`], with who revokes it, and whether runs that are under way are cancelled. A digest that is
    /// revoked already keeps the reason of then; its runs can still be cancelled.
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

    /// Refuses a digest that is revoked. Whatever stands in the place of its revocation counts as one.
    ///
    /// This is one look at one name of a directory, so that each run can ask anew.
    ///
    /// # Errors
    ///
    /// [`StoreError::Revoked`].
    pub fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        if !self.is_revoked(digest)? {
            return Ok(());
        }
        Err(StoreError::Revoked {
            digest,
            reason: self.revocation(digest).and_then(|revoked| revoked.reason),
        })
    }

    /// Whether a digest is revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that cannot be seen. Nothing that cannot be seen runs.
    pub fn is_revoked(&self, digest: Digest) -> Result<bool, StoreError> {
        self.revoked.has(&file(digest))
    }

    /// Every digest that is revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that cannot be seen.
    pub fn revoked(&self) -> Result<HashSet<Digest>, StoreError> {
        let digest = |file: &String| file.strip_suffix(".json").and_then(|hex| hex.parse().ok());
        Ok(self.revoked.names()?.iter().filter_map(digest).collect())
    }

    /// What was said when a digest was revoked, if that can be read.
    pub fn revocation(&self, digest: Digest) -> Option<Revocation> {
        let bytes = self.revoked.read(&file(digest), MOST).ok()??;
        serde_json::from_slice(record::unseal(&bytes).ok()?).ok()
    }

    /// Whether runs of a digest that are under way are to end: it was revoked so, or nothing can be read of how.
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
