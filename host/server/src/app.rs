//! The state of a server, which all requests share: library, catalog, tokens, gate, and data kept between requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ringfence::{CancellationToken, Limits};
use ringfence_store::{Library, Scope, Submit, Token};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::budget::{Budget, Held};
use crate::catalog::{Found, Ready};
use crate::config::Config;
use crate::error::ServeError;
use crate::gate::Gate;
use crate::http::problem;
use crate::idempotency::Reports;
use crate::librarian::Librarian;
use crate::metrics::{Metrics, Now};
use crate::principal::{Principal, Tokens};
use crate::quota::Places;
use crate::run::Admitted;
use crate::seen::Seen;
use crate::shares::Shares;
use crate::submissions::{Progress, Submission, Submissions};

/// The state of a server. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) library: Library,
    pub(crate) librarian: Librarian,
    pub(crate) config: Arc<ArcSwap<Config>>,
    pub(crate) tokens: ArcSwap<Tokens>,
    pub(crate) gate: Gate,
    /// The share of each principal in the host.
    pub(crate) shares: Shares,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reports: Reports,
    pub(crate) submissions: Submissions,
    /// Memory for bodies that are received and parsed.
    pub(crate) bodies: Arc<Budget>,
    /// Memory for responses that wait to be sent.
    pub(crate) answers: Arc<Budget>,
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

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// Maximum time that a stored submission waits for its skill to be in the catalog.
const SETTLE: Duration = Duration::from_secs(5);

impl App {
    pub(crate) fn new(library: Library, config: Config, tokens: Tokens) -> std::io::Result<Self> {
        let metrics = Metrics::new();
        let config = Arc::new(ArcSwap::from_pointee(config));
        let start = config.load_full();
        let inner = Inner {
            librarian: Librarian::new(library.clone(), &metrics, &config),
            library,
            shares: Shares::default(),
            gate: Gate::new(start.host.runs.as_usize(), start.admission.queue.get()),
            metrics,
            reports: Reports::new(start.idempotency.keep.get(), start.idempotency.size.bytes()),
            submissions: Submissions::default(),
            uploads: Arc::new(Semaphore::new(start.admission.uploads.as_usize())),
            bodies: Budget::bodies(start.admission.body_memory.bytes()),
            answers: Budget::answers(start.admission.answer_memory.bytes()),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            stop_runs: CancellationToken::new(),
            abort: CancellationToken::new(),
            tokens: ArcSwap::from_pointee(tokens),
            config,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the skill of a reference, if the caller sees it.
    ///
    /// Waits for a skill that loads, for a limited time and in the caller's account.
    pub(crate) async fn find(
        &self,
        reference: &str,
        principal: &Arc<Principal>,
    ) -> Result<Arc<Ready>, ServeError> {
        let ready = self.find_loaded(reference, principal).await?;
        self.librarian.is_called(&ready);
        Ok(ready)
    }

    async fn find_loaded(
        &self,
        reference: &str,
        principal: &Arc<Principal>,
    ) -> Result<Arc<Ready>, ServeError> {
        let found = self.librarian.catalog().find(reference, principal)?;
        let patience = self.config.load().admission.load_timeout.get();
        match found {
            Found::Ready(ready) => Ok(ready),
            Found::Other(entry, version, digest) => {
                self.librarian.version(&entry, (version, digest), principal, patience).await
            }
            Found::Loading(entry) => {
                let _place = principal.account.wait()?;
                let name = entry.record.name.clone();
                let until = tokio::time::Instant::now().checked_add(patience);
                loop {
                    self.librarian.wake(&name).await;
                    self.librarian.hurry(&entry);
                    let now = tokio::time::Instant::now();
                    let left = until.map_or(patience, |until| until.saturating_duration_since(now));
                    self.librarian.settle(&name, left).await;
                    match self.librarian.catalog().find(reference, principal)? {
                        Found::Ready(ready) => return Ok(ready),
                        // Unloaded at once, since others are called more often than there is room.
                        Found::Loading(_) if !left.is_zero() => {}
                        Found::Loading(_) | Found::Other(..) => return Err(ServeError::Loading { name }),
                    }
                }
            }
        }
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
            let patience = self.config.load().admission.queue_timeout.get();
            self.gate.enter(principal, limits.fuel, patience).await
        };
        let pass = enter.await.inspect_err(|error| seen.refused(error))?;
        let cancel = self.stop_runs.child_token();
        let config = self.config.load();
        let memory = config.host.share(self.tokens.load().are_none());
        let share = self.shares.of(principal.share_key(), memory);
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
        })
    }

    /// Accepts a component, and compiles it even if no caller waits.
    pub(crate) fn submit(
        &self,
        principal: &Arc<Principal>,
        bytes: Vec<u8>,
        submit: Submit,
        place: (OwnedSemaphorePermit, Places),
    ) -> Result<Arc<Submission>, ServeError> {
        if self.gate.is_closed() {
            return Err(ServeError::Stopping);
        }
        principal.account.change()?;
        principal.account.compile()?;
        let id = getrandom::u64().map_err(|error| {
            ServeError::Store(ringfence_store::StoreError::Io {
                action: "getting random bytes from the system".to_owned(),
                source: std::io::Error::other(error),
            })
        })?;
        let submission = self.submissions.begin(
            format!("{id:016x}"),
            (submit.name.clone(), submit.owner.clone()),
            &principal.id,
        );
        let submission = submission.ok_or_else(|| ServeError::UnderWay(submit.name.clone()))?;
        let (app, of_task, by) = (self.clone(), Arc::clone(&submission), Arc::clone(&principal.id));
        self.tasks.spawn(async move {
            // Until it has ended: its bytes are in memory.
            let _place = place;
            let (submission, by) = (of_task, by);
            let (name, owner) = (submit.name.clone(), submit.owner.clone());
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
                        target: "ringfence::changes",
                        change = if taken.receipt.held { "submitted, held" } else { "submitted" },
                        skill = %taken.receipt.name,
                        version = %taken.receipt.version,
                        digest = %taken.receipt.digest,
                        held = taken.receipt.held,
                        token = %by,
                        owner = %taken.receipt.owner,
                        "submitted"
                    );
                    submission.set(Progress::Done(Arc::new(receipt(&taken))));
                }
                Err(error) => {
                    app.metrics.submitted("refused");
                    tracing::info!(
                        target: "ringfence::changes",
                        change = "submission refused",
                        skill = %name,
                        code = error.code(),
                        token = %by,
                        owner = %owner,
                        "submission refused"
                    );
                    problem::log(&error);
                    let problem = serde_json::to_value(problem::Problem::of(&error)).unwrap_or_default();
                    submission.set(Progress::Refused(Arc::new(problem)));
                }
            }
        });
        Ok(submission)
    }

    /// Returns the metrics as text.
    pub(crate) fn metrics_text(&self) -> String {
        let catalog = self.librarian.catalog();
        let skills = catalog.names.values().filter(|entry| entry.known().is_some()).count();
        self.metrics.text(Now {
            places: self.gate.size(),
            places_taken: self.gate.inside(),
            waiting: self.gate.waiting(),
            reserved_bytes: self.library.host().reserved_bytes(),
            skills: skills as u64,
            code_bytes: self.librarian.code_bytes(),
            changes_waiting: self.library.changes_waiting() as u64,
        })
    }

    /// Polls the store for the first time, and warns about limits for unknown skills.
    pub(crate) async fn first_look(&self) {
        self.librarian.look().await;
        self.warn_of_strangers(&self.config.load());
    }

    /// Warns about configured skills that do not exist, because a misspelt name has no effect.
    fn warn_of_strangers(&self, config: &Config) {
        let catalog = self.librarian.catalog();
        for name in config.limited_skills().filter(|name| !catalog.names.contains_key(*name)) {
            tracing::warn!(skill = %name, "the configuration has limits for a skill that is not in the store");
        }
    }

    /// Reads the tokens again. Keeps the earlier ones if that fails.
    pub(crate) async fn reload_tokens(&self) {
        let tokens = match self.librarian.tokens().await {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "cannot read the tokens; the ones in memory stay valid"
                );
                return;
            }
        };
        let before = self.tokens.load_full();
        if before.are(&tokens) {
            return;
        }
        let known = tokens.len();
        log_tokens(&before, &tokens);
        match Tokens::new(tokens, Some(&before), &self.config.load().quota) {
            Ok(tokens) => {
                self.tokens.store(Arc::new(tokens));
                self.librarian.changed();
                tracing::info!(tokens = known, "tokens loaded");
            }
            Err(error) => tracing::error!(error = error.to_string().as_str(), "cannot use the tokens"),
        }
    }

    /// Replaces the configuration, except what cannot change while the server runs.
    pub(crate) fn reconfigure(&self, new: Config) {
        let before = self.config.load_full();
        let fixed = before.fixed_differences(&new);
        if !fixed.is_empty() {
            tracing::warn!(keys = fixed.join(", "), "a changed setting takes effect only after a restart");
        }
        let changed = before.changed_sections(&new);
        self.tokens.load().set_quota(&new.quota);
        self.warn_of_strangers(&new);
        self.config.store(Arc::new(new));
        self.librarian.changed();
        tracing::info!(
            target: "ringfence::changes",
            change = "configuration read",
            sections = changed.join(", "),
            "configuration reloaded"
        );
    }
}

/// Logs the tokens created and revoked since the last read.
fn log_tokens(before: &Tokens, now: &[Token]) {
    for token in now {
        let change = match (before.token(&token.id), token.revoked) {
            (Some(known), _) if known == token => continue,
            (_, Some(_)) => "token revoked",
            (None, None) => "token created",
            (Some(_), None) => "token changed",
        };
        let scopes = token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        tracing::info!(
            target: "ringfence::changes",
            token = token.id.as_str(),
            owner = %token.owner,
            scopes,
            change,
            "the store changed"
        );
    }
}

/// Returns the receipt of a stored submission.
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

/// Reads the file of a configuration.
pub(crate) fn read_config(file: &Path) -> Result<Config, crate::ConfigError> {
    let source = std::fs::read_to_string(file).map_err(|error| crate::ConfigError::Unusable {
        file: file.display().to_string(),
        reason: format!("cannot read it: {error}"),
    })?;
    Config::parse(&source, file)
}
