//! What trust is about: who signed which bundle, and what ends its runs.

use ringfence::{CancellationToken, Digest};
use ringfence_bundle::{BundleError, KeyId, Manifest, Time, Trust};

/// Who signed which bundle, and what ends its runs.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) manifest: Manifest,
    pub(crate) key: KeyId,
    pub(crate) id: Digest,
    pub(crate) clock: fn() -> Time,
    /// Ends its runs.
    pub(crate) cancel: CancellationToken,
}

impl Identity {
    /// Checks that a worker with this trust may still call the bundle.
    pub(crate) fn check(&self, trust: &Trust) -> Result<(), BundleError> {
        trust.check_serving(self.key, self.id, &self.manifest, (self.clock)())
    }
}
