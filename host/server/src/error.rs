//! Why a request is no run: one enum for HTTP and MCP, with a stable code, a status, and a text that tells the caller
//! what to do and nothing of this machine.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ringfence::{LoadError, Refusal, RunError};
use ringfence_front::problem::{self, Problem, Reason};
use ringfence_front::request::{RequestError, status_of_fault};
use ringfence_store::{GrammarError, Name, Scope, StoreError};

use crate::quota::{Over, Spent};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// A refusal that every front can give.
    #[error(transparent)]
    Request(RequestError),
    #[error("the token lacks the scope `{0}`; use a token that has it")]
    Forbidden(Scope),
    /// Over MCP, where skill and tool have one name.
    #[error("no tool `{0}`; `tools/list` lists the tools")]
    NoSuchTool(String),
    #[error("no submission `{0}`, or it is too old")]
    NoSuchSubmission(String),
    #[error("skill `{name}` is still loading")]
    Loading { name: Name },
    #[error(
        "every version of skill `{name}` is held; an admin can release one with `ringfence release {name}`"
    )]
    AllHeld { name: Name },
    #[error("skill `{name}` cannot run: {reason}")]
    CannotRun { name: Name, code: &'static str, reason: String },
    #[error("no supported type in the header `Accept`; accept `application/json` or `text/event-stream`")]
    NotAcceptable,
    #[error("the idempotency key was used for another request; use a new key")]
    KeyReused,
    #[error("{0}")]
    Quota(Over),
    #[error("the server is at capacity: all run slots and the queue are full")]
    QueueFull,
    #[error("the server is at capacity: no run slot became free within {} ms", .0.as_millis())]
    QueueTimeout(Duration),
    #[error("another submission of `{0}` is in progress")]
    UnderWay(Name),
    #[error("too many submissions are in progress, of this token or in total")]
    UploadsFull,
    #[error(
        "the server is at capacity: its memory for unread responses is full; read the open responses first"
    )]
    AnswersFull,
    #[error("the server is shutting down")]
    Stopping,
    /// Also for a name that the caller does not see: it is told no more than that it cannot have it.
    #[error("the name `{0}` belongs to another owner; choose another name")]
    NotOwner(Name),
    #[error(transparent)]
    Store(StoreError),
}

impl From<Over> for ServeError {
    fn from(over: Over) -> Self {
        Self::Quota(over)
    }
}

impl From<GrammarError> for ServeError {
    fn from(error: GrammarError) -> Self {
        StoreError::from(error).into()
    }
}

/// The code of a quota that is used up.
fn code_of_quota(what: Spent) -> &'static str {
    match what {
        Spent::Concurrency => "too-many-at-once",
        Spent::Calls => "too-many-calls",
        Spent::Requests => "too-many-requests",
        Spent::Fuel => "too-much-fuel",
        Spent::Compiles => "too-many-compilations",
        Spent::Changes => "too-many-changes",
        Spent::Listeners => "too-many-listeners",
    }
}

impl From<StoreError> for ServeError {
    /// The store's words name neighbours and owners, which a caller may not see.
    fn from(error: StoreError) -> Self {
        if let StoreError::NoSuchSkill { name, .. } = &error {
            return RequestError::NoSuchSkill(name.to_string()).into();
        }
        if let StoreError::NotOwner { name, .. } = error { Self::NotOwner(name) } else { Self::Store(error) }
    }
}

impl From<RequestError> for ServeError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<RunError> for ServeError {
    fn from(error: RunError) -> Self {
        Self::Request(RequestError::Run(error))
    }
}

/// What a caller can do about a path or method that does not exist.
const API: &str = "/v1/openapi.json describes the API";

impl ServeError {
    pub(crate) const UNAUTHORIZED: Self = Self::Request(RequestError::Unauthorized {
        next: "send `Authorization: Bearer rf_…` (`ringfence token create` creates a token)",
    });
    pub(crate) const HOST: Self =
        Self::Request(RequestError::Host { next: "the operator lists them in `listen.hosts`" });
    pub(crate) const ORIGIN: Self =
        Self::Request(RequestError::Origin { next: "the operator lists them in `listen.origins`" });
    pub(crate) const NO_ROUTE: Self = Self::Request(RequestError::NoRoute { next: API });
    pub(crate) const METHOD: Self = Self::Request(RequestError::Method { next: API });

    /// Returns the error for a request of which a part does not fit.
    pub(crate) fn bad_request(reason: impl Into<String>) -> Self {
        Self::Request(RequestError::BadRequest(reason.into()))
    }

    /// The stable code, in kebab-case.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Forbidden(_) => "forbidden",
            Self::NoSuchTool(_) => "no-such-tool",
            Self::NoSuchSubmission(_) => "no-such-submission",
            Self::Loading { .. } => "skill-loading",
            Self::AllHeld { .. } => "held",
            Self::CannotRun { code, .. } => code,
            Self::NotAcceptable => "not-acceptable",
            Self::KeyReused => "idempotency-key-reused",
            Self::Quota(over) => code_of_quota(over.what),
            Self::QueueFull => "queue-full",
            Self::QueueTimeout(_) => "queue-timeout",
            Self::UnderWay(_) => "submission-under-way",
            Self::UploadsFull => "uploads-full",
            Self::AnswersFull => "answers-full",
            Self::Stopping => "stopping",
            Self::NotOwner(_) => "not-owner",
            Self::Store(error) => error.code(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Request(error) => error.status(),
            Self::NotOwner(_) | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NoSuchTool(_) | Self::NoSuchSubmission(_) => StatusCode::NOT_FOUND,
            Self::AllHeld { .. } | Self::UnderWay(_) => StatusCode::CONFLICT,
            Self::Loading { .. } | Self::CannotRun { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Quota(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::QueueFull
            | Self::QueueTimeout(_)
            | Self::UploadsFull
            | Self::AnswersFull
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) => status_of_store(error.original()),
        }
    }

    /// When to try again, where that helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Quota(over) = self {
            return Some(over.wait);
        }
        // What cannot be loaded does not pass by waiting for a second.
        let lasts = matches!(self, Self::CannotRun { .. });
        let passes = self.status() == StatusCode::SERVICE_UNAVAILABLE || matches!(self, Self::UnderWay(_));
        (passes && !lasts).then_some(Duration::from_secs(1))
    }

    /// Returns the text for the caller. Only the log has the text of an internal error.
    pub(crate) fn detail(&self) -> String {
        problem::shown(self.status(), || {
            // The store speaks to the command line; over HTTP the same is said otherwise.
            let text = self.to_string();
            if matches!(self, Self::Store(error) if offers_breaking(error)) {
                text.replace("`--breaking`", "`?breaking=true`")
            } else {
                text
            }
        })
    }

    /// JSON pointer of the value that does not fit, where that is the error.
    pub(crate) fn pointer(&self) -> Option<&str> {
        if let Self::Request(error) = self { error.pointer() } else { None }
    }

    /// Returns all reasons, if a component is refused.
    fn reasons(&self) -> Vec<Reason> {
        let Self::Store(error) = self else { return Vec::new() };
        if let StoreError::Load(LoadError::Refused(reasons)) = error.original() {
            let reason = |reason: &Refusal| Reason { code: reason.code(), detail: reason.to_string() };
            return reasons.iter().map(reason).collect();
        }
        Vec::new()
    }

    /// Returns whether only the operator may see the text.
    pub(crate) fn is_internal(&self) -> bool {
        problem::is_internal(self.status())
    }

    /// Returns the problem for the caller.
    pub(crate) fn problem(&self) -> Problem {
        Problem::new(self.status(), self.code(), || self.detail())
            .with_pointer(self.pointer())
            .with_reasons(self.reasons())
    }

    /// Logs the error for the operator; the caller does not see all of it.
    pub(crate) fn log(&self) {
        if self.is_internal() {
            tracing::error!(code = self.code(), error = self.to_string().as_str(), "request failed");
        } else {
            tracing::debug!(code = self.code(), error = self.to_string().as_str(), "request refused");
        }
    }
}

/// The code of a refusal, which the guard counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Denied(pub(crate) &'static str);

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = ringfence_front::answer::problem(&self.problem(), self.retry_after());
        response.extensions_mut().insert(Denied(self.code()));
        response
    }
}

/// Returns whether the text names the option that lets a breaking version in.
fn offers_breaking(error: &StoreError) -> bool {
    matches!(error.original(), StoreError::Breaking { .. } | StoreError::NotComparable { .. })
}

fn status_of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::Grammar { .. } | StoreError::PolicyRange { .. } => StatusCode::BAD_REQUEST,
        StoreError::NoSuchSkill { .. }
        | StoreError::NoSuchDigest { .. }
        | StoreError::NoSuchPrefix { .. }
        | StoreError::NoSuchVersion { .. }
        | StoreError::NoSuchPrefixReserved { .. }
        | StoreError::NoSuchToken { .. } => StatusCode::NOT_FOUND,
        StoreError::NothingEarlier { .. }
        | StoreError::IsCurrent { .. }
        | StoreError::VersionTaken { .. }
        | StoreError::VersionGone { .. }
        | StoreError::Breaking { .. }
        | StoreError::NotComparable { .. }
        | StoreError::PrefixTaken { .. }
        | StoreError::Held { .. }
        | StoreError::Revoked { .. } => StatusCode::CONFLICT,
        StoreError::OverCap { .. } => StatusCode::INSUFFICIENT_STORAGE,
        StoreError::NotOwner { .. } => StatusCode::FORBIDDEN,
        StoreError::Shared(error) => status_of_store(error),
        StoreError::Damaged { .. }
        | StoreError::Foreign { .. }
        | StoreError::Unsafe { .. }
        | StoreError::Format { .. }
        | StoreError::WithoutStore { .. }
        | StoreError::NotDurable { .. }
        | StoreError::NoStore { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::Denied { .. }
        | StoreError::DiskFull { .. }
        | StoreError::Busy { .. }
        | StoreError::Io { .. }
        | StoreError::Load(_)
        | StoreError::Compile(_)
        | _ => status_of_fault(error.fault()),
    }
}
