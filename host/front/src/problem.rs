//! Problem documents (RFC 9457): `application/problem+json` with a stable code.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use crate::request::RequestError;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The text of every internal error. The front logs the details for the operator.
pub const INTERNAL: &str = "internal error of the server; its log has the details";

/// A problem (RFC 9457).
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:ringfence:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The name of the status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code, in kebab-case.
    code: &'static str,
    /// What is wrong, and what to do.
    detail: String,
    /// JSON pointer to the invalid argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// All reasons, if a component is refused for several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

/// A reason to refuse a component.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// The stable code, in kebab-case.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl Problem {
    /// Creates a problem. The text of an internal error (status 500) becomes [`INTERNAL`], because callers may not see
    /// it.
    pub fn new(status: StatusCode, code: &'static str, text: impl FnOnce() -> String) -> Self {
        Self {
            kind: format!("urn:ringfence:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: shown(status, text),
            pointer: None,
            reasons: Vec::new(),
        }
    }

    /// Returns the problem of a request error.
    pub fn of(error: &RequestError) -> Self {
        Self::new(error.status(), error.code(), || error.to_string()).with_pointer(error.pointer())
    }

    /// Adds the JSON pointer of the invalid argument, if there is one.
    #[must_use]
    pub fn with_pointer(mut self, pointer: Option<&str>) -> Self {
        self.pointer = pointer.map(str::to_owned);
        self
    }

    /// Adds the reasons for which a component is refused.
    #[must_use]
    pub fn with_reasons(mut self, reasons: Vec<Reason>) -> Self {
        self.reasons = reasons;
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the name of the status.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the text for the caller.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// Returns whether only the operator may see the text of an error with this status.
pub fn is_internal(status: StatusCode) -> bool {
    status == StatusCode::INTERNAL_SERVER_ERROR
}

/// Returns the text that a caller may see of an error with this status.
pub fn shown(status: StatusCode, text: impl FnOnce() -> String) -> String {
    if is_internal(status) { INTERNAL.to_owned() } else { text() }
}

/// Rounds a time up to whole seconds, at least one, for `Retry-After`.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
