//! HTTP as a capability: the requests of a run, and the trait that sends them.

use thiserror::Error;

use super::{DenialKind, Wait};
use crate::capability::HostCall;

/// Sends the HTTP requests of runs.
///
/// An implementation decides about each request, and bounds the bytes that it sends and receives. The core bounds the
/// bytes of one call of the guest, and ends a wait at the run's deadline.
pub trait Http: Send + Sync + 'static {
    /// Sends a request, and waits for the head of the response.
    fn send<'a>(
        &'a self,
        call: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>>;
}

/// A body, as it arrives: of a response, or of a request that the guest still writes.
pub trait HttpBody: Send + 'static {
    /// Waits for the next piece, of 1 to `max` bytes. Returns none at the end.
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>>;
}

/// A request as the guest made it, unchecked.
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: HttpRequestBody,
    /// Milliseconds from the call to the last byte of the response.
    pub timeout: Option<u32>,
    /// Milliseconds for the connection: name lookup, dial and TLS.
    pub connect_timeout: Option<u32>,
    /// What to do with redirects.
    pub redirects: Redirects,
}

impl HttpRequest {
    /// Creates a request without headers and body, which follows no redirects and has no timeout.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: HttpRequestBody::Empty,
            timeout: None,
            connect_timeout: None,
            redirects: Redirects::Manual,
        }
    }
}

/// The body of a request.
#[derive(Default)]
#[non_exhaustive]
pub enum HttpRequestBody {
    /// No body.
    #[default]
    Empty,
    /// The whole body.
    Whole(Vec<u8>),
    /// A body that the guest writes while it is sent.
    Stream {
        /// The length in bytes that the guest has declared. The pieces can have another one, which is an error.
        length: Option<u64>,
        /// The pieces. An error means that the guest did not finish the body: the server must not take it for whole.
        pieces: Box<dyn HttpBody>,
    },
}

impl HttpRequestBody {
    /// Returns the bytes of a whole body.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty | Self::Stream { .. } => 0,
            Self::Whole(bytes) => bytes.len(),
        }
    }
}

impl std::fmt::Debug for HttpRequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream { length, .. } => write!(f, "Stream({length:?})"),
        }
    }
}

impl From<Option<Vec<u8>>> for HttpRequestBody {
    fn from(body: Option<Vec<u8>>) -> Self {
        match body {
            Some(bytes) if !bytes.is_empty() => Self::Whole(bytes),
            Some(_) | None => Self::Empty,
        }
    }
}

/// What to do with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Return it as the response.
    Manual,
    /// Follow it, up to the maximum of the grant.
    Follow,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHead {
    /// The status code.
    pub status: u16,
    /// The URL that answered.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A response: its head, and its body as it arrives.
pub struct HttpResponse {
    /// The head.
    pub head: HttpHead,
    /// The body.
    pub body: Box<dyn HttpBody>,
}

impl std::fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpResponse").field("head", &self.head).finish_non_exhaustive()
    }
}

/// Why there is no response. The guest sees the texts, except the reasons of [`HttpError::Denied`] and
/// [`HttpError::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// No grant allows the request, or the host does not send it. The report shows the kind to the caller and the reason
    /// to the operator; the guest sees only `denied`.
    #[error("denied: {reason}")]
    Denied {
        /// Why, in general.
        kind: DenialKind,
        /// The grant, the rule and the reason.
        reason: String,
    },
    /// The request is malformed.
    #[error("{0}")]
    Invalid(String),
    /// A cap is reached.
    #[error("{1}")]
    Limit(HttpLimit, String),
    /// The timeout of the request or its grant passed.
    #[error("the timeout passed")]
    Timeout,
    /// The exchange failed.
    #[error("{1}")]
    Failed(HttpFailure, String),
    /// The operator must fix something: no name server, a missing secret, a bad certificate. The report shows the reason
    /// to the operator; the guest sees `failed` with the text `told`.
    #[error("{reason}")]
    Unavailable {
        /// What failed.
        failure: HttpFailure,
        /// What the guest sees.
        told: String,
        /// What is wrong.
        reason: String,
    },
}

/// Which cap a request has reached. `wasi:http` has an error code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpLimit {
    /// Requests: in all, at once, or in a time.
    Requests,
    /// The headers of the request.
    RequestHeaders,
    /// The body of the request.
    RequestBody,
    /// The headers of the response.
    ResponseHeaders,
    /// The body of the response.
    ResponseBody,
    /// Another one.
    Other,
}

/// What failed. `wasi:http` has an error code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpFailure {
    /// The look-up of the name.
    Resolve,
    /// The connection, before it was there.
    Connect,
    /// The connection, after it was there.
    Broken,
    /// TLS.
    Tls,
    /// The server broke HTTP.
    Protocol,
    /// Something else.
    Other,
}
