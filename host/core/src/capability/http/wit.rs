//! The types of `ringfence:skill/http`, and their forms in the host.

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::capability::Transfer;
use crate::grants::{HttpError, HttpHead, HttpRequest, Redirects};

type Header = (String, Vec<u8>);

/// `http.request` of version 0.1.0
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct OldRequest {
    method: String,
    url: String,
    headers: Vec<Header>,
    body: Option<Vec<u8>>,
}

impl From<OldRequest> for HttpRequest {
    fn from(OldRequest { method, url, headers, body }: OldRequest) -> Self {
        Self { headers, body: body.into(), redirects: Redirects::Follow, ..Self::new(method, url) }
    }
}

impl Transfer for OldRequest {
    fn transfer_bytes(&self) -> u64 {
        bytes(&[&self.method, &self.url, &self.headers, &self.body])
    }
}

/// `http.response` of version 0.1.0
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct OldResponse {
    status: u16,
    headers: Vec<Header>,
    body: Vec<u8>,
}

impl From<(HttpHead, Vec<u8>)> for OldResponse {
    fn from((head, body): (HttpHead, Vec<u8>)) -> Self {
        Self { status: head.status, headers: head.headers, body }
    }
}

impl Transfer for OldResponse {
    fn transfer_bytes(&self) -> u64 {
        bytes(&[&self.status, &self.headers, &self.body])
    }
}

/// `http.error` of version 0.1.0
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum OldError {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "limit")]
    Limit,
    #[component(name = "failed")]
    Failed(String),
}

impl From<HttpError> for OldError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { .. } => Self::Denied,
            HttpError::Invalid(text) => Self::Invalid(text),
            HttpError::Limit(..) => Self::Limit,
            HttpError::Timeout => Self::Failed("the timeout passed".into()),
            HttpError::Failed(_, text) | HttpError::Unavailable { told: text, .. } => Self::Failed(text),
        }
    }
}

impl Transfer for OldError {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Invalid(text) | Self::Failed(text) => text.transfer_bytes(),
            Self::Denied | Self::Limit => 1,
        }
    }
}

/// `http.redirects`
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the engine out of what the guest passes")]
pub(super) enum WitRedirects {
    #[component(name = "manual")]
    Manual,
    #[component(name = "follow")]
    Follow,
}

/// `http.request`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Request {
    method: String,
    url: String,
    headers: Vec<Header>,
    body: Option<Vec<u8>>,
    timeout: Option<u32>,
    redirects: WitRedirects,
}

impl From<Request> for HttpRequest {
    fn from(Request { method, url, headers, body, timeout, redirects }: Request) -> Self {
        let redirects = match redirects {
            WitRedirects::Manual => Redirects::Manual,
            WitRedirects::Follow => Redirects::Follow,
        };
        Self { headers, body: body.into(), timeout, redirects, ..Self::new(method, url) }
    }
}

impl Transfer for Request {
    fn transfer_bytes(&self) -> u64 {
        bytes(&[&self.method, &self.url, &self.headers, &self.body, &self.timeout])
    }
}

/// `http.head`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Head {
    status: u16,
    url: String,
    headers: Vec<Header>,
}

impl From<HttpHead> for Head {
    fn from(HttpHead { status, url, headers }: HttpHead) -> Self {
        Self { status, url, headers }
    }
}

impl Transfer for Head {
    fn transfer_bytes(&self) -> u64 {
        bytes(&[&self.status, &self.url, &self.headers])
    }
}

/// `http.response`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Response {
    head: Head,
    body: Vec<u8>,
}

impl From<(HttpHead, Vec<u8>)> for Response {
    fn from((head, body): (HttpHead, Vec<u8>)) -> Self {
        Self { head: head.into(), body }
    }
}

impl Transfer for Response {
    fn transfer_bytes(&self) -> u64 {
        bytes(&[&self.head, &self.body])
    }
}

/// `http.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "failed")]
    Failed(String),
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { .. } => Self::Denied,
            HttpError::Invalid(text) => Self::Invalid(text),
            HttpError::Limit(_, text) => Self::Limit(text),
            HttpError::Timeout => Self::Timeout,
            HttpError::Failed(_, text) | HttpError::Unavailable { told: text, .. } => Self::Failed(text),
        }
    }
}

impl Transfer for Error {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Invalid(text) | Self::Limit(text) | Self::Failed(text) => text.transfer_bytes(),
            Self::Denied | Self::Timeout => 1,
        }
    }
}

fn bytes(fields: &[&dyn Transfer]) -> u64 {
    fields.iter().map(|field| field.transfer_bytes()).fold(0, u64::saturating_add)
}
