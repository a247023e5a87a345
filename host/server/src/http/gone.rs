//! The revocations at the time of a request, for handlers that show skills.

use std::collections::HashSet;
use std::sync::Arc;

use ringfence::Digest;

use crate::app::App;
use crate::catalog::Entry;

/// The current revocations. The catalog may be half a second older.
pub(super) struct Gone<'a> {
    app: &'a App,
    pub(super) digests: Arc<HashSet<Digest>>,
}

impl<'a> Gone<'a> {
    pub(super) fn by_now(app: &'a App) -> Self {
        Self { app, digests: app.skills().librarian.revoked() }
    }

    pub(super) fn has(&self, entry: &Entry, digest: Digest) -> bool {
        self.digests.contains(&digest) || entry.revoked.contains_key(&digest)
    }

    /// Returns the reason of a revocation, if the digest is revoked for a stated reason.
    pub(super) fn reason(&self, entry: &Entry, digest: Digest) -> Option<String> {
        match entry.revoked.get(&digest) {
            Some(reason) => reason.clone(),
            None if self.digests.contains(&digest) => self.app.skills().librarian.reason(digest),
            None => None,
        }
    }
}
