//! The state of a server, which all requests share, in three parts: what the operator set, the skills, and the work in
//! progress.
//!
//! | part | content | changes |
//! |---|---|---|
//! | [`Operator`] | configuration, tokens, grants, metrics | by a reload |
//! | [`Skills`] | library, catalog, submissions, kept reports | by submissions, and by polls of the store |
//! | [`Work`] | run slots, budgets of memory, tasks, and what ends them | by each request |

use std::sync::Arc;

use ringfence::Limits;
use ringfence_store::{Library, Scope};

use crate::budget::Held;
use crate::catalog::Ready;
use crate::config::Config;
use crate::error::ServeError;
use crate::files::Files;
use crate::grants::Granting;
use crate::metrics::Now;
use crate::operator::Operator;
use crate::principal::{Principal, Tokens};
use crate::run::{Admitted, Runner};
use crate::seen::Seen;
use crate::skills::Skills;
use crate::work::Work;

/// The state of a server. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    operator: Operator,
    skills: Skills,
    work: Work,
}

impl App {
    pub(crate) fn new(library: Library, config: Config, tokens: Tokens, granting: Granting) -> Self {
        let work = Work::new(&config);
        let operator = Operator::new(config, tokens, granting);
        let skills = Skills::new(library, &operator);
        Self(Arc::new(Parts { operator, skills, work }))
    }

    /// Returns what the operator set, and reads.
    pub(crate) fn operator(&self) -> &Operator {
        &self.0.operator
    }

    /// Returns the skills, and what is stored for their callers.
    pub(crate) fn skills(&self) -> &Skills {
        &self.0.skills
    }

    /// Returns the work in progress.
    pub(crate) fn work(&self) -> &Work {
        &self.0.work
    }

    /// Returns the skill of a reference, if the caller sees it.
    ///
    /// Waits for a skill that loads, for a limited time and in the caller's account.
    pub(crate) async fn find(
        &self,
        reference: &str,
        principal: &Arc<Principal>,
    ) -> Result<Arc<Ready>, ServeError> {
        let timeout = self.operator().config.load().admission.load_timeout.get();
        self.skills().find(reference, principal, timeout).await
    }

    /// Returns what begins and counts runs.
    pub(crate) fn runner(&self) -> Runner<'_> {
        let operator = self.operator();
        Runner { library: &self.skills().library, metrics: &operator.metrics, granting: &operator.granting }
    }

    /// Admits a call, or fails with the refusal. `limits` are the operator's, lowered by the caller.
    pub(crate) async fn admit(
        &self,
        principal: &Principal,
        ready: Arc<Ready>,
        tool: &str,
        (input, held): (String, Held),
        limits: Limits,
        mut seen: Seen,
    ) -> Result<Admitted, ServeError> {
        let enter = async {
            if !principal.may(Scope::Call) {
                return Err(ServeError::Forbidden(Scope::Call));
            }
            let patience = self.operator().config.load().admission.queue_timeout.get();
            self.work().gate.enter(principal, limits.fuel, patience).await
        };
        let pass = enter.await.inspect_err(|error| seen.refused(error))?;
        let cancel = self.work().stop_runs.child_token();
        let config = self.operator().config.load();
        let memory = config.host.share(self.operator().tokens.load().are_none());
        let share = self.work().shares.of(principal.share_key(), memory);
        let patience = config.admission.queue_timeout.get();
        Ok(Admitted {
            ready,
            tool: tool.to_owned(),
            input,
            held,
            limits,
            share,
            patience,
            pass,
            seen,
            cancel,
            files: Files::default(),
        })
    }

    /// Returns the metrics as text.
    pub(crate) fn metrics_text(&self) -> String {
        let (skills, work) = (self.skills(), self.work());
        let catalog = skills.librarian.catalog();
        let known = catalog.names.values().filter(|entry| entry.known().is_some()).count();
        self.operator().metrics.text(Now {
            places: work.gate.size(),
            places_taken: work.gate.inside(),
            waiting: work.gate.waiting(),
            reserved_bytes: skills.library.host().reserved_bytes(),
            skills: known as u64,
            code_bytes: skills.librarian.code_bytes(),
            changes_waiting: skills.library.changes_waiting() as u64,
        })
    }

    /// Polls the store for the first time, and warns about settings without effect.
    pub(crate) async fn first_look(&self) {
        self.skills().librarian.look().await;
        self.operator().warn_of_no_effect(&self.skills().librarian).await;
    }

    /// Reads the tokens again. Keeps the earlier ones if that fails.
    pub(crate) async fn reload_tokens(&self) {
        self.operator().reload_tokens(&self.skills().librarian).await;
    }

    /// Replaces the configuration, except what cannot change while the server runs.
    pub(crate) async fn reconfigure(&self, new: Config) {
        self.operator().reconfigure(new, &self.skills().librarian).await;
    }
}
