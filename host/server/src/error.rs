//! Why a request is no run: one enum for HTTP and MCP, with a stable code, a status, and a text that tells the caller
//! what to do and nothing of this machine.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use http::StatusCode;
use ringfence::{Fault, LoadError, RunError};
use ringfence_store::{Name, Scope, StoreError};

use crate::quota::{Over, Spent};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(
        "missing or invalid token; send `Authorization: Bearer rf_…` (`ringfence token create` creates a token)"
    )]
    Unauthorized,
    #[error("the token lacks the scope `{0}`; use a token that has it")]
    Forbidden(Scope),
    #[error(
        "the header `Host` is not an accepted name of this server; the operator lists them in `listen.hosts`"
    )]
    Host,
    #[error("the header `Origin` is not an accepted origin; the operator lists them in `listen.origins`")]
    Origin,
    #[error("unknown path; /v1/openapi.json describes the API")]
    NoRoute,
    #[error("this path does not support the method; /v1/openapi.json describes the API")]
    Method,
    /// Also for one that the caller may not see.
    #[error("no skill `{0}`; list the skills that you can see")]
    NoSuchSkill(String),
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
    #[error("{0}")]
    BadRequest(String),
    #[error("invalid header `Ringfence-Limits`: {0}")]
    BadLimit(String),
    #[error(
        "cannot raise the limit `{name}` to {asked}; the maximum for this skill is {most}; send a lower value"
    )]
    LimitRaised { name: &'static str, asked: u64, most: u64 },
    #[error("unsupported content type of the body; send `Content-Type: {0}`")]
    MediaType(&'static str),
    #[error("unsupported content encoding of the body; send it without `Content-Encoding`")]
    Encoding,
    #[error("no supported type in the header `Accept`; accept `application/json` or `text/event-stream`")]
    NotAcceptable,
    #[error("the body is too large; the limit is {0} bytes")]
    BodyTooLarge(u64),
    #[error("timed out while reading the body; the limit is {} ms", .0.as_millis())]
    BodyTimeout(Duration),
    #[error("the body is incomplete")]
    BodyCut,
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
    #[error("the server is at capacity: its memory for request bodies is full")]
    BodiesFull,
    #[error(
        "the server is at capacity: its memory for unread responses is full; read the open responses first"
    )]
    AnswersFull,
    #[error("the server is shutting down")]
    Stopping,
    #[error(transparent)]
    Run(RunError),
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
            return Self::NoSuchSkill(name.to_string());
        }
        if let StoreError::NotOwner { name, .. } = error { Self::NotOwner(name) } else { Self::Store(error) }
    }
}

impl From<RunError> for ServeError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl ServeError {
    /// The stable code, in kebab-case.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Host => "host-not-allowed",
            Self::Origin => "origin-not-allowed",
            Self::NoRoute => "no-such-resource",
            Self::Method => "method-not-allowed",
            Self::NoSuchSkill(_) => "no-such-skill",
            Self::NoSuchTool(_) => "no-such-tool",
            Self::NoSuchSubmission(_) => "no-such-submission",
            Self::Loading { .. } => "skill-loading",
            Self::AllHeld { .. } => "held",
            Self::CannotRun { code, .. } => code,
            Self::BadRequest(_) => "bad-request",
            Self::BadLimit(_) => "bad-limit",
            Self::LimitRaised { .. } => "limit-raised",
            Self::MediaType(_) => "unsupported-media-type",
            Self::Encoding => "unsupported-encoding",
            Self::NotAcceptable => "not-acceptable",
            Self::BodyTooLarge(_) => "body-too-large",
            Self::BodyTimeout(_) => "body-timeout",
            Self::BodyCut => "body-cut",
            Self::KeyReused => "idempotency-key-reused",
            Self::Quota(over) => code_of_quota(over.what),
            Self::QueueFull => "queue-full",
            Self::QueueTimeout(_) => "queue-timeout",
            Self::UnderWay(_) => "submission-under-way",
            Self::UploadsFull => "uploads-full",
            Self::BodiesFull => "bodies-full",
            Self::AnswersFull => "answers-full",
            Self::Stopping => "stopping",
            Self::NotOwner(_) => "not-owner",
            Self::Run(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotOwner(_) | Self::Forbidden(_) | Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::NoRoute | Self::NoSuchSkill(_) | Self::NoSuchTool(_) | Self::NoSuchSubmission(_) => {
                StatusCode::NOT_FOUND
            }
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::AllHeld { .. } | Self::UnderWay(_) => StatusCode::CONFLICT,
            Self::Loading { .. } | Self::CannotRun { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadRequest(_) | Self::BadLimit(_) | Self::LimitRaised { .. } | Self::BodyCut => {
                StatusCode::BAD_REQUEST
            }
            Self::MediaType(_) | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Quota(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::QueueFull
            | Self::QueueTimeout(_)
            | Self::UploadsFull
            | Self::BodiesFull
            | Self::AnswersFull
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Run(error) => status_of_run(error),
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

    /// What the caller is told. What only the operator may know is in the log.
    pub(crate) fn detail(&self) -> String {
        if self.is_internal() {
            return "internal error of the server; its log has the details".to_owned();
        }
        // The store speaks to the command line; over HTTP the same is said otherwise.
        let text = self.to_string();
        let offers = |error: &StoreError| {
            matches!(error.original(), StoreError::Breaking { .. } | StoreError::NotComparable { .. })
        };
        if let Self::Store(error) = self
            && offers(error)
        {
            return text.replace("`--breaking`", "`?breaking=true`");
        }
        text
    }

    /// JSON pointer of the value that does not fit, where that is the error.
    pub(crate) fn pointer(&self) -> Option<&str> {
        if let Self::Run(error) = self { error.pointer() } else { None }
    }

    /// Every reason, where a component is refused: code and text.
    pub(crate) fn reasons(&self) -> Vec<(&'static str, String)> {
        let Self::Store(error) = self else { return Vec::new() };
        if let StoreError::Load(LoadError::Refused(reasons)) = error.original() {
            return reasons.iter().map(|reason| (reason.code(), reason.to_string())).collect();
        }
        Vec::new()
    }

    /// Whether the text is the operator's alone: what is the server's own fault has that status and no other.
    pub(crate) fn is_internal(&self) -> bool {
        self.status() == StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// The status of a refusal by whose fault it is, where nothing else is said of it: what the library comes to refuse
/// later has a status as well.
fn status_of_fault(fault: Fault) -> StatusCode {
    match fault {
        Fault::Author | Fault::Caller => StatusCode::UNPROCESSABLE_ENTITY,
        Fault::Load => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Host => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_run(error: &RunError) -> StatusCode {
    match error {
        RunError::NoSuchTool { .. } => StatusCode::NOT_FOUND,
        RunError::InputTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        RunError::Limits { .. } | RunError::TooLarge { .. } => StatusCode::BAD_REQUEST,
        RunError::Revoked { .. } => StatusCode::CONFLICT,
        RunError::Input { .. }
        | RunError::Overloaded { .. }
        | RunError::ForeignSkill { .. }
        | RunError::HostFunction { .. }
        | RunError::Host(_)
        | _ => status_of_fault(error.fault()),
    }
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
