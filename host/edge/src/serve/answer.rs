//! Answers: JSON, text, and problems (RFC 9457).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use ringfence::{Fault, RunError};
use serde::Serialize;
use serde_json::json;

use crate::CallError;

pub(crate) type Answer = Response<Full<Bytes>>;

/// The problem of a request that is refused before a run.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) pointer: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), pointer: None }
    }

    pub(crate) fn into_answer(self) -> Answer {
        let Self { status, code, detail, pointer } = self;
        let mut body = json!({
            "type": format!("urn:ringfence:problem:{code}"),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
        });
        if let (Some(pointer), Some(body)) = (pointer, body.as_object_mut()) {
            body.insert("pointer".to_owned(), pointer.into());
        }
        let mut answer = json(status, &body);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let status = match &error {
            CallError::NoBundle(_) => StatusCode::SERVICE_UNAVAILABLE,
            CallError::NoSuchSkill { .. } => StatusCode::NOT_FOUND,
            CallError::Run(error) => status_of_run(error),
        };
        let mut problem = Self::new(status, error.code(), error.to_string());
        if let CallError::Run(error) = &error {
            problem.pointer = error.pointer().map(str::to_owned);
        }
        problem
    }
}

/// Status codes, equal to those of the server.
fn status_of_run(error: &RunError) -> StatusCode {
    match error {
        RunError::NoSuchTool { .. } => StatusCode::NOT_FOUND,
        RunError::InputTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        RunError::Limits { .. } | RunError::TooLarge { .. } => StatusCode::BAD_REQUEST,
        error => match error.fault() {
            Fault::Author | Fault::Caller => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Load => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Host => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // Reports and values have string keys, and no number that JSON lacks: nothing can fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_type(status, "application/json", body)
}

pub(crate) fn with_type(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
