//! What every request works with: one library, its catalog, the tokens, the gate, and what is kept between requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ringfence::{CancellationToken, Limits};
use ringfence_store::{Library, Scope, Submit};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::budget::{Budget, Held};
use crate::catalog::{Catalog, Ready};
use crate::config::Config;
use crate::error::ServeError;
use crate::gate::Gate;
use crate::http::problem;
use crate::idempotency::Reports;
use crate::librarian::Librarian;
use crate::metrics::{Metrics, Now};
use crate::principal::{Principal, Tokens};
use crate::quota::Upload;
use crate::run::Admitted;
use crate::submissions::{Progress, Submission, Submissions};

/// A server's state. A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) library: Library,
    pub(crate) librarian: Librarian,
    pub(crate) config: ArcSwap<Config>,
    pub(crate) tokens: ArcSwap<Tokens>,
    pub(crate) gate: Gate,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reports: Reports,
    pub(crate) submissions: Submissions,
    /// Memory for bodies that are being received and parsed.
    pub(crate) bodies: Arc<Budget>,
    /// Places for components that are being received or compiled.
    pub(crate) uploads: Arc<Semaphore>,
    /// What goes on without a request: submissions that were taken in.
    pub(crate) tasks: TaskTracker,
    /// Ends what listens for changes, as soon as the server stops.
    pub(crate) stopping: CancellationToken,
    /// Ends every run that is still under way when the time for stopping is up.
    pub(crate) stop_runs: CancellationToken,
    /// Ends everything else, a second after the runs.
    pub(crate) abort: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// How long a submission waits for its skill to be in the catalog, once it is on the disk.
const SETTLE: Duration = Duration::from_secs(5);

impl App {
    pub(crate) fn new(library: Library, config: Config, tokens: Tokens) -> std::io::Result<Self> {
        let metrics = Metrics::new();
        let inner = Inner {
            librarian: Librarian::new(library.clone(), &metrics),
            library,
            gate: Gate::new(config.host.runs.as_usize(), config.admission.queue.get()),
            metrics,
            reports: Reports::new(config.idempotency.keep.get(), config.idempotency.size.bytes()),
            submissions: Submissions::default(),
            uploads: Arc::new(Semaphore::new(config.admission.uploads.as_usize())),
            bodies: Budget::new(config.admission.body_memory.bytes()),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            stop_runs: CancellationToken::new(),
            abort: CancellationToken::new(),
            tokens: ArcSwap::from_pointee(tokens),
            config: ArcSwap::from_pointee(config),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The skill that a caller means, as far as it may see it.
    pub(crate) async fn find(
        &self,
        reference: &str,
        principal: &Principal,
    ) -> Result<Arc<Ready>, ServeError> {
        let catalog = Arc::clone(&*self.librarian.catalog());
        Catalog::find(&catalog, reference, principal, &self.library).await
    }

    /// Lets a call in, or says why not. `limits` are the operator's, lowered by the caller.
    pub(crate) async fn admit(
        &self,
        principal: &Principal,
        ready: Arc<Ready>,
        tool: &str,
        (input, held): (String, Held),
        limits: Limits,
    ) -> Result<Admitted, ServeError> {
        if !principal.may(Scope::Call) {
            return Err(ServeError::Forbidden(Scope::Call));
        }
        let patience = self.config.load().admission.queue_timeout.get();
        let pass = self.gate.enter(principal, limits.fuel, patience).await?;
        let cancel = self.stop_runs.child_token();
        let share = Arc::clone(&principal.id);
        Ok(Admitted { ready, tool: tool.to_owned(), input, held, limits, share, pass, cancel })
    }

    /// Takes a component in, and goes on with it whether or not anybody waits.
    pub(crate) fn submit(
        &self,
        principal: &Arc<Principal>,
        bytes: Vec<u8>,
        submit: Submit,
        place: (OwnedSemaphorePermit, Upload),
    ) -> Result<Arc<Submission>, ServeError> {
        if self.gate.is_closed() {
            return Err(ServeError::Stopping);
        }
        principal.account.compile()?;
        let id = getrandom::u64().map_err(|error| {
            ServeError::Store(ringfence_store::StoreError::Io {
                action: "asking the system for randomness".to_owned(),
                source: std::io::Error::other(error),
            })
        })?;
        let submission = self.submissions.begin(format!("{id:016x}"), submit.name.clone(), &principal.id);
        let submission = submission.ok_or_else(|| ServeError::UnderWay(submit.name.clone()))?;
        let (app, of_task, by) = (self.clone(), Arc::clone(&submission), Arc::clone(&principal.id));
        self.tasks.spawn(async move {
            // Until it has ended: its bytes are in memory.
            let _place = place;
            let (submission, by) = (of_task, by);
            let name = submit.name.clone();
            let taken = tokio::select! {
                taken = app.library.submit(bytes, submit, |stage| submission.on(&stage)) => {
                    taken.map_err(ServeError::from)
                }
                () = app.stop_runs.cancelled() => Err(ServeError::Stopping),
            };
            // Whoever hears that it is done can call it.
            if taken.is_ok() {
                app.librarian.look().await;
                app.librarian.settle(&name, SETTLE).await;
            }
            match taken {
                Ok(taken) => {
                    app.metrics.submitted("taken");
                    if taken.code.is_some() {
                        app.metrics.compiles.inc();
                    }
                    tracing::info!(
                        skill = %taken.receipt.name,
                        version = %taken.receipt.version,
                        digest = %taken.receipt.digest,
                        held = taken.receipt.held,
                        token = %by,
                        "submitted"
                    );
                    submission.set(Progress::Done(Arc::new(receipt(&taken))));
                }
                Err(error) => {
                    app.metrics.submitted("refused");
                    tracing::info!(skill = %name, code = error.code(), token = %by, "a submission was refused");
                    problem::log(&error);
                    let problem = serde_json::to_value(problem::Problem::of(&error)).unwrap_or_default();
                    submission.set(Progress::Refused(Arc::new(problem)));
                }
            }
        });
        Ok(submission)
    }

    /// The metrics as text.
    pub(crate) fn metrics_text(&self) -> String {
        let catalog = self.librarian.catalog();
        let skills = catalog.names.values().filter(|entry| entry.ready().is_some()).count();
        self.metrics.text(Now {
            places: self.gate.size(),
            places_taken: self.gate.inside(),
            waiting: self.gate.waiting(),
            reserved_bytes: self.library.host().reserved_bytes(),
            skills: skills as u64,
        })
    }

    /// Looks at the store, and tells of limits for skills that are not there.
    pub(crate) async fn first_look(&self) {
        self.librarian.look().await;
        self.warn_of_strangers(&self.config.load());
    }

    /// A name that is misspelt has no effect.
    fn warn_of_strangers(&self, config: &Config) {
        let catalog = self.librarian.catalog();
        for name in config.limited_skills().filter(|name| !catalog.names.contains_key(*name)) {
            tracing::warn!(skill = %name, "the configuration has limits for a skill that is not in the store");
        }
    }

    /// Reads the tokens again. Those that cannot be read stay as they were.
    pub(crate) async fn reload_tokens(&self) {
        let tokens = match self.librarian.tokens().await {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "the tokens cannot be read; those that were read go on"
                );
                return;
            }
        };
        let before = self.tokens.load_full();
        if before.are(&tokens) {
            return;
        }
        let known = tokens.len();
        match Tokens::new(tokens, Some(&before), &self.config.load().quota) {
            Ok(tokens) => {
                self.tokens.store(Arc::new(tokens));
                self.librarian.changed();
                tracing::info!(tokens = known, "tokens read");
            }
            Err(error) => tracing::error!(error = error.to_string().as_str(), "the tokens cannot be used"),
        }
    }

    /// Goes by another configuration, as far as that can change while the server runs.
    pub(crate) fn reconfigure(&self, new: Config) {
        let before = self.config.load_full();
        let fixed = before.fixed_differences(&new);
        if !fixed.is_empty() {
            tracing::warn!(
                keys = fixed.join(", "),
                "changed in the configuration, and goes on as it was until a restart"
            );
        }
        self.tokens.load().set_quota(&new.quota);
        self.warn_of_strangers(&new);
        self.config.store(Arc::new(new));
        self.librarian.changed();
        tracing::info!("configuration read");
    }
}

/// What a submitter is told once it is on the disk.
fn receipt(taken: &ringfence_store::Submitted) -> Value {
    let mut receipt = serde_json::to_value(&taken.receipt).unwrap_or_default();
    if let Value::Object(members) = &mut receipt {
        let warnings = taken.warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        let tools = taken.description.tools().map(|tool| tool.name().to_owned()).collect::<Vec<_>>();
        members.insert("size".into(), taken.description.size().into());
        members.insert("tools".into(), tools.into());
        members.insert("warnings".into(), warnings.into());
    }
    receipt
}

/// Reads a configuration's file.
pub(crate) fn read_config(file: &Path) -> Result<Config, crate::ConfigError> {
    let source = std::fs::read_to_string(file).map_err(|error| crate::ConfigError::Unusable {
        file: file.display().to_string(),
        reason: format!("cannot be read: {error}"),
    })?;
    Config::parse(&source, file)
}
