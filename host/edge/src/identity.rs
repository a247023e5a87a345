//! What trust is about: who signed which bundle, and what ends its runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::{CancellationToken, Digest, RunError};
use ringfence_bundle::{BundleError, BundleId, KeyId, Manifest, Time, Trust};

/// Who signed which bundle, and what ends its runs.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) manifest: Manifest,
    pub(crate) key: KeyId,
    pub(crate) id: BundleId,
    pub(crate) clock: fn() -> Time,
    /// Ends its runs.
    pub(crate) cancel: CancellationToken,
    /// Its skills. Names can share a digest.
    pub(crate) states: BTreeMap<Digest, State>,
}

/// Whether a skill of a bundle may run.
#[derive(Debug)]
pub(crate) struct State {
    revoked: AtomicBool,
    /// Ends the runs of the skill.
    pub(crate) cancel: CancellationToken,
}

impl State {
    pub(crate) fn new(revoked: bool, cancel: CancellationToken) -> Self {
        Self { revoked: AtomicBool::new(revoked), cancel }
    }
}

impl Identity {
    /// Checks that a worker with this trust may still call the bundle.
    pub(crate) fn check(&self, trust: &Trust) -> Result<(), BundleError> {
        trust.check_serving(self.key, self.id, &self.manifest, (self.clock)())
    }

    /// Revokes the skills that a trust revokes, and ends their runs.
    pub(crate) fn revoke(&self, trust: &Trust) {
        for (digest, state) in &self.states {
            if trust.expect_allowed(*digest).is_err() {
                state.revoked.store(true, Ordering::SeqCst);
                state.cancel.cancel();
            }
        }
    }

    pub(crate) fn is_revoked(&self, skill: Digest) -> bool {
        self.states.get(&skill).is_some_and(|state| state.revoked.load(Ordering::SeqCst))
    }

    /// Checks that a skill of the bundle is not revoked.
    ///
    /// # Errors
    ///
    /// Fails with [`RunError::Revoked`].
    pub(crate) fn expect_allowed(&self, skill: Digest) -> Result<(), RunError> {
        if self.is_revoked(skill) { Err(RunError::Revoked { skill, reason: None }) } else { Ok(()) }
    }
}
