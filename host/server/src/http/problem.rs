//! Problems (RFC 9457) for requests refused before a run: `application/problem+json` with a stable code.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ServeError;

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
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
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reason {
    /// The stable code, in kebab-case.
    code: &'static str,
    /// What is wrong.
    detail: String,
}

impl Problem {
    pub(crate) fn of(error: &ServeError) -> Self {
        let status = error.status();
        let reasons = error.reasons().into_iter().map(|(code, detail)| Reason { code, detail });
        Self {
            kind: format!("urn:ringfence:problem:{}", error.code()),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: error.code(),
            detail: error.detail(),
            pointer: error.pointer().map(str::to_owned),
            reasons: reasons.collect(),
        }
    }
}

/// Logs the error for the operator; the caller does not see all of it.
pub(crate) fn log(error: &ServeError) {
    if error.is_internal() {
        tracing::error!(code = error.code(), error = error.to_string().as_str(), "request failed");
    } else {
        tracing::debug!(code = error.code(), error = error.to_string().as_str(), "request refused");
    }
}

/// Rounds a time up to whole seconds, at least one.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The code of a refusal, which the guard counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Denied(pub(crate) &'static str);

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        log(&self);
        let body = serde_json::to_vec(&Problem::of(&self)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Denied(self.code()));
        response
    }
}
