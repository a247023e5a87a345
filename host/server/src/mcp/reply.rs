//! Responses as text, written once and without a JSON tree.

use std::time::Duration;

use http::StatusCode;
use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde::Serialize;

use super::id::Id;
use crate::json::json;

/// A response to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The JSON-RPC response.
    pub(crate) text: Vec<u8>,
    /// The HTTP status, for revisions that report errors by status, too.
    pub(crate) status: StatusCode,
    /// Time to wait before a retry, if a retry helps.
    pub(crate) retry: Option<Duration>,
}

impl Reply {
    /// Creates a result, which `write` writes.
    pub(super) fn result(id: &Id, size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut text = Vec::with_capacity(size.saturating_add(64));
        text.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        text.extend_from_slice(id.as_json().as_bytes());
        text.extend_from_slice(b",\"result\":");
        write(&mut text);
        text.push(b'}');
        Self { text, status: StatusCode::OK, retry: None }
    }

    /// Creates a result from a value of the library.
    pub(super) fn of(id: &Id, result: &impl Serialize) -> Self {
        Self::result(id, 512, |text| json(text, result))
    }

    /// Creates an error.
    pub(crate) fn error(id: Option<&Id>, error: &ErrorData) -> Self {
        let mut text = b"{\"jsonrpc\":\"2.0\",\"id\":".to_vec();
        text.extend_from_slice(id.map_or("null", Id::as_json).as_bytes());
        text.extend_from_slice(b",\"error\":");
        json(&mut text, error);
        text.push(b'}');
        Self { text, status: status(error.code), retry: None }
    }

    /// Replaces the status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        ErrorCode::PARSE_ERROR
        | ErrorCode::INVALID_REQUEST
        | ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
