//! Runs that are under way in this process: each asks once more as it begins whether its skill is revoked, and can be
//! ended by a revocation that says so.
//!
//! A run is entered here before it asks. A revocation is written before anybody looks for runs to end. So a run that a
//! revocation does not refuse is one that it finds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence::{Call, CancellationToken, Digest, RunError, Skill};

use crate::error::StoreError;
use crate::library::Library;

/// How often runs that are under way are held against revocations.
const LOOK: Duration = Duration::from_millis(100);

/// All runs that are under way, by what runs.
#[derive(Debug, Default)]
pub(crate) struct Running {
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    next: u64,
    by_digest: HashMap<Digest, HashMap<u64, CancellationToken>>,
}

/// Stands for a run in the list of those that are under way. Keep it until the run has ended.
#[derive(Debug)]
#[must_use = "dropped, the run is not found by a revocation"]
pub struct UnderWay {
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

    /// What runs now.
    fn digests(&self) -> Vec<Digest> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).by_digest.keys().copied().collect()
    }

    /// Cancels all runs of a digest; gives how many.
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
    /// Begins a call of a skill that was loaded: the way to run one. The run asks the store at the moment when it begins,
    /// after it waited for its turn, whether the skill is revoked: so after a revocation no run begins, whichever process
    /// made it. Then its answer is [`RunError::Revoked`], with the reason. That costs one look at a name of a directory,
    /// about a microsecond (`benches`, `store`).
    ///
    /// `cancel` ends the run. A revocation that cancels what runs uses it as well, where something waits on
    /// [`Library::watch_revocations`]; keep the second value until the run has ended, by [`Call::keep`] for example.
    pub fn begin(&self, skill: &Skill, tool: &str, cancel: &CancellationToken) -> (Call, UnderWay) {
        let digest = skill.digest();
        let under_way = self.running().enter(digest, cancel.clone());
        let library = self.clone();
        let check = move || library.expect_allowed(digest).map_err(|error| refused(digest, &error));
        (self.host().call(skill, tool).cancel(cancel.clone()).check(check), under_way)
    }

    /// Cancels runs of this process whose skill is revoked and whose revocation says that runs are cancelled. Looks ten
    /// times a second while anything runs. Never ends.
    pub async fn watch_revocations(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.cancel_revoked().await;
        }
    }

    /// Looks once for runs that are to be cancelled; gives how many were.
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

/// Why no run began.
fn refused(skill: Digest, error: &StoreError) -> RunError {
    match error {
        StoreError::Revoked { reason, .. } => RunError::Revoked { skill, reason: reason.clone() },
        // What cannot be seen is taken for revoked, and is this machine's fault.
        error => RunError::Host(format!("the store cannot be asked whether the skill is revoked: {error}")),
    }
}
