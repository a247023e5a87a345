//! Accepted submissions. The status of each stays available for some time after its end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence_front::problem::Problem;
use ringfence_store::{Name, Owner, Stage};
use serde_json::Value;
use tokio::sync::watch;

use crate::error::ServeError;

/// Maximum number of ended submissions whose status is kept.
const REMEMBERED: usize = 1_000;

/// A submission and its progress.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) id: String,
    pub(crate) name: Name,
    /// The owner of the name.
    owner: Owner,
    /// The principal that can read the status, beside admins.
    pub(crate) principal: Arc<str>,
    progress: watch::Sender<Progress>,
}

/// The progress of a submission.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    Validating,
    Compiling,
    Keeping,
    /// The submission is stored: the result.
    Done(Arc<Value>),
    /// The submission was refused and changed nothing: the problem.
    Refused(Arc<Problem>),
}

impl Progress {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Compiling => "compiling",
            Self::Keeping => "keeping",
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
        }
    }

    fn is_end(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Refused(_))
    }
}

impl Submission {
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Sets the progress.
    pub(crate) fn set(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }

    pub(crate) fn on(&self, stage: &Stage) {
        match stage {
            Stage::Validating => self.set(Progress::Validating),
            Stage::Compiling { .. } => self.set(Progress::Compiling),
            Stage::Keeping => self.set(Progress::Keeping),
            _ => {}
        }
    }

    /// Waits for the end, at most for this time.
    pub(crate) async fn ended(&self, patience: Duration) {
        let mut progress = self.progress.subscribe();
        let _ = tokio::time::timeout(patience, progress.wait_for(Progress::is_end)).await;
    }
}

/// All known submissions.
#[derive(Debug, Default)]
pub(crate) struct Submissions {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<String, Arc<Submission>>,
    /// Ids, oldest first.
    order: VecDeque<String>,
}

impl Known {
    /// Returns whether a submission of this name and owner runs.
    fn has_one(&self, name: &Name, owner: &Owner) -> bool {
        let same = |other: &&Arc<Submission>| other.name == *name && other.owner == *owner;
        self.by_id.values().filter(same).any(|other| !other.progress.borrow().is_end())
    }
}

impl Submissions {
    /// Creates a submission; returns none while another of the same owner and name runs.
    ///
    /// A submission of another owner does not count: it could block this one, and this one would reveal it.
    pub(crate) fn begin(
        &self,
        id: String,
        (name, owner): (Name, Owner),
        principal: &Arc<str>,
    ) -> Option<Arc<Submission>> {
        let progress = watch::Sender::new(Progress::Validating);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.has_one(&name, &owner) {
            return None;
        }
        let submission =
            Arc::new(Submission { id: id.clone(), name, owner, principal: Arc::clone(principal), progress });
        // What has not ended stays; how many of those there can be is bounded by the places for uploads.
        let surplus = known.order.len().saturating_sub(REMEMBERED);
        for _ in 0..surplus {
            let Some(oldest) = known.order.pop_front() else { break };
            if known.by_id.get(&oldest).is_some_and(|submission| !submission.progress.borrow().is_end()) {
                known.order.push_back(oldest);
            } else {
                known.by_id.remove(&oldest);
            }
        }
        known.by_id.insert(id.clone(), Arc::clone(&submission));
        known.order.push_back(id);
        Some(submission)
    }

    /// Refuses a submission of this name while another one of the same owner runs.
    ///
    /// An upload asks before its body is received, and [`Submissions::begin`] decides.
    pub(crate) fn expect_none(&self, name: &Name, owner: &Owner) -> Result<(), ServeError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.has_one(name, owner) { Err(ServeError::UnderWay(name.clone())) } else { Ok(()) }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Submission>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_id.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_front::request::RequestError;

    /// A submission neither blocks another owner's of the same name nor reveals it.
    #[test]
    fn one_submission_of_a_name_for_each_owner() {
        let submissions = Submissions::default();
        let begin = |id: &str, owner: &str| {
            let (name, owner) = ("a".parse().expect("a name"), owner.parse().expect("an owner"));
            submissions.begin(id.to_owned(), (name, owner), &"token".into())
        };
        let (name, alice) = ("a".parse().expect("a name"), "alice".parse().expect("an owner"));
        assert!(submissions.expect_none(&name, &alice).is_ok());
        let first = begin("1", "alice").expect("it is the first");
        assert!(submissions.expect_none(&name, &alice).is_err());
        assert!(begin("2", "alice").is_none());
        assert!(begin("3", "mallory").is_some());
        first.set(Progress::Refused(Arc::new(Problem::of(&RequestError::BodyCut))));
        assert!(begin("4", "alice").is_some());
    }
}
