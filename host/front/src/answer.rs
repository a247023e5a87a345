//! Responses: the report of a run, other JSON, and problems. Every front sends these.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use ringfence::{Ran, RunError};
use serde::Serialize;

use crate::problem::{PROBLEM_JSON, Problem, whole_seconds};
use crate::request::RequestError;

/// The media type of reports and lists.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type of metrics.
pub const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Returns the body of the response to a run: its report as JSON. The status is 200, whatever the outcome.
///
/// # Errors
///
/// Fails with [`RunError::Host`] if the report has no JSON form.
pub fn report(ran: &Ran) -> Result<Vec<u8>, RequestError> {
    let written = serde_json::to_vec(ran);
    written.map_err(|error| RequestError::Run(RunError::host_because("cannot write the report", error)))
}

/// Returns a response with JSON that is already written.
pub fn json<B: From<Vec<u8>>>(status: StatusCode, body: Vec<u8>) -> Response<B> {
    with_type(status, JSON, body)
}

/// Returns a response with a value as JSON.
pub fn json_of<B: From<Vec<u8>>>(status: StatusCode, value: &impl Serialize) -> Response<B> {
    // All keys are strings, and every number has a JSON form, so nothing fails.
    json(status, serde_json::to_vec(value).unwrap_or_default())
}

/// Returns a response with a body of any media type.
pub fn with_type<B: From<Vec<u8>>>(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response<B> {
    let mut response = Response::new(B::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Returns the response with a problem. `retry` is when the same request can pass, if waiting helps.
pub fn problem<B: From<Vec<u8>>>(problem: &Problem, retry: Option<Duration>) -> Response<B> {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = with_type(status, HeaderValue::from_static(PROBLEM_JSON), body);
    let headers = response.headers_mut();
    if let Some(wait) = retry {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Adds the headers of every response.
pub fn finish(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
}
