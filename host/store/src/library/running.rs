//! Current runs of this process. Each checks again as it begins whether its skill is revoked, and a revocation can
//! cancel it.
//!
//! A run enters this list before it checks. A revocation is written before a process reads the list. A revocation
//! therefore finds every run that it does not refuse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence::{Call, CancellationToken, Digest, RunError, Skill};

use super::Library;
use crate::error::StoreError;

/// Interval at which current runs are compared with revocations.
const LOOK: Duration = Duration::from_millis(100);

/// All current runs, by digest.
#[derive(Debug, Default)]
pub(crate) struct Running {
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    next: u64,
    by_digest: HashMap<Digest, HashMap<u64, CancellationToken>>,
}

/// A run's entry in the list of current runs. Dropped, the run is not found by a revocation.
#[derive(Debug)]
struct UnderWay {
    running: Arc<Running>,
    digest: Digest,
    id: u64,
}

impl Running {
    fn enter(self: &Arc<Self>, digest: Digest, cancel: CancellationToken) -> UnderWay {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let id = runs.next;
        runs.next = id.wrapping_add(1);
        runs.by_digest.entry(digest).or_default().insert(id, cancel);
        drop(runs);
        UnderWay { running: Arc::clone(self), digest, id }
    }

    /// Returns the digests of current runs.
    fn digests(&self) -> Vec<Digest> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).by_digest.keys().copied().collect()
    }

    /// Cancels all runs of a digest, and returns their number.
    fn cancel(&self, digest: Digest) -> usize {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let of: Vec<CancellationToken> =
            runs.by_digest.get(&digest).map(|of| of.values().cloned().collect()).unwrap_or_default();
        drop(runs);
        of.iter().for_each(CancellationToken::cancel);
        of.len()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut runs = self.running.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = runs.by_digest.get_mut(&self.digest) {
            of.remove(&self.id);
            if of.is_empty() {
                runs.by_digest.remove(&self.digest);
            }
        }
    }
}

impl Library {
    /// Prepares a call of a loaded skill that checks for a revocation as it begins. Run skills of a store this way.
    ///
    /// The check comes after the run's wait for its turn. After a revocation no run begins, whichever process made
    /// it; the call fails with [`RunError::Revoked`] and the reason. The check is one look-up in a directory and
    /// takes about a microsecond (`benches`, `store`).
    ///
    /// `cancel` cancels the run. A revocation that cancels runs uses it too, while something awaits
    /// [`Library::watch_revocations`].
    pub fn begin(&self, skill: &Skill, tool: &str, cancel: &CancellationToken) -> Call {
        let digest = skill.digest();
        let under_way = self.running().enter(digest, cancel.clone());
        let library = self.clone();
        let check = move || library.expect_allowed(digest).map_err(|error| refused(digest, error));
        self.host().call(skill, tool).cancel(cancel.clone()).check(check).keep(under_way)
    }

    /// Cancels runs of this process whose skill is revoked with the cancellation of runs. It checks ten times a second
    /// while anything runs, and never returns.
    pub async fn watch_revocations(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.cancel_revoked().await;
        }
    }

    /// Checks once for runs to cancel, and returns their number.
    pub async fn cancel_revoked(&self) -> usize {
        let digests = self.running().digests();
        if digests.is_empty() {
            return 0;
        }
        let found = self.blocking(move |inner| {
            let store = inner.store()?;
            Ok(digests.into_iter().filter(|digest| store.cancels(*digest)).collect::<Vec<_>>())
        });
        let found = found.await.unwrap_or_default();
        found.into_iter().map(|digest| self.running().cancel(digest)).sum()
    }
}

/// Returns why no run began.
fn refused(skill: Digest, error: StoreError) -> RunError {
    match error {
        StoreError::Revoked { reason, .. } => RunError::Revoked { skill, reason },
        // What cannot be seen is taken for revoked, and is this machine's fault.
        error => RunError::host_because("cannot check whether the skill is revoked", error),
    }
}
