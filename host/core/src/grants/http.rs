//! HTTP as a capability: requests of a run, and who answers them.

use thiserror::Error;

use super::Wait;
use crate::capability::HostCall;

/// Sends the HTTP requests of runs.
///
/// An implementation decides about each request, and bounds what it sends and receives. Core bounds what one call of
/// the guest moves, and ends a wait at the run's deadline.
pub trait Http: Send + Sync + 'static {
    /// Sends a request, and returns when the head of the response is there.
    fn send<'a>(
        &'a self,
        call: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>>;
}

/// The body of a response, as it arrives.
pub trait HttpBody: Send + 'static {
    /// Waits for the next piece, of 1 to `max` bytes. Returns none at the end.
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>>;
}

/// A request as the guest made it. Nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Milliseconds from the call to the last byte of the response.
    pub timeout: Option<u32>,
    /// What to do with redirects.
    pub redirects: Redirects,
}

impl HttpRequest {
    /// Makes a request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
            redirects: Redirects::Manual,
        }
    }
}

/// What to do with an answer that redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Return it.
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

/// A response whose body has yet to arrive.
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

/// Why there is no response. All but [`HttpError::Denied`]'s text reaches the guest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// No grant allows the request. The report shows the reason to the caller; the guest sees only `denied`.
    #[error("denied: {reason}")]
    Denied {
        /// The grant, the rule and the reason.
        reason: String,
    },
    /// The request is malformed.
    #[error("{0}")]
    Invalid(String),
    /// A cap is reached.
    #[error("{0}")]
    Limit(String),
    /// The timeout of the request or its grant passed.
    #[error("the timeout passed")]
    Timeout,
    /// The connection failed.
    #[error("{0}")]
    Failed(String),
    /// The operator can mend it: no name server, a missing secret, a bad certificate. The report shows the reason to the
    /// caller; the guest sees `failed` with `told`.
    #[error("{reason}")]
    Unavailable {
        /// What the guest sees.
        told: String,
        /// What is wrong.
        reason: String,
    },
}
