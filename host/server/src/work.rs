//! The work in progress: what bounds it, and what ends it.

use std::sync::Arc;

use ringfence::CancellationToken;
use ringfence_store::Turns;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::config::Config;
use crate::gate::Gate;
use crate::principal::Principal;
use crate::shares::Shares;

/// Threads that build descriptions of skills at once.
const BUILDS: usize = 2;

/// The work in progress.
///
/// It ends in three steps: `stopping` ends streams of changes, `stop_runs` cancels the remaining runs, and `abort`
/// drops everything else, a second later.
#[derive(Debug)]
pub(crate) struct Work {
    /// Run slots, and the queue for them.
    pub(crate) gate: Gate,
    /// The share of each principal in the host.
    pub(crate) shares: Shares,
    /// Memory for bodies that are received and parsed.
    pub(crate) bodies: Arc<Budget>,
    /// Memory for responses that wait to be sent.
    pub(crate) answers: Arc<Budget>,
    /// Turns at building the descriptions of skills, between owners.
    descriptions: Turns,
    /// Places for components that are received or compiled.
    pub(crate) uploads: Arc<Semaphore>,
    /// Tasks that outlive their requests: accepted submissions.
    pub(crate) tasks: TaskTracker,
    /// Ends streams of changes as soon as the server stops.
    pub(crate) stopping: CancellationToken,
    /// Ends the remaining runs when the time for stopping is over.
    pub(crate) stop_runs: CancellationToken,
    /// Ends everything else, a second after the runs.
    pub(crate) abort: CancellationToken,
}

impl Work {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            gate: Gate::new(config.host.runs.as_usize(), config.admission.queue.get()),
            shares: Shares::default(),
            bodies: Budget::bodies(config.admission.body_memory.bytes()),
            answers: Budget::answers(config.admission.answer_memory.bytes()),
            descriptions: Turns::new(BUILDS),
            uploads: Arc::new(Semaphore::new(config.admission.uploads.as_usize())),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            stop_runs: CancellationToken::new(),
            abort: CancellationToken::new(),
        }
    }
    /// Builds descriptions of skills, on a thread that serves no requests. Owners take turns, so one owner's large skills
    /// delay another's list by a few.
    ///
    /// Returns none if the work failed.
    pub(crate) async fn build<T: Send + 'static>(
        &self,
        principal: &Principal,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = self.descriptions.wait(principal.share_key(), "").await;
        let built = tokio::task::spawn_blocking(move || {
            // Until the work has ended, also if its caller is gone.
            let _turn = turn;
            work()
        });
        built.await.ok()
    }
}
