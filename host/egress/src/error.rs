//! Why a request failed: for the operator in full, for the guest as a kind of error.

use std::io;
use std::path::PathBuf;

use ringfence_policy::{AddressRefusal, Explanation, RuleId, TargetError};

use crate::proxy::ProxyFailure;
use crate::resolve::ResolveError;

/// The reason why the door sends such a request under no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The URL is not canonical.
    #[error(transparent)]
    Url(#[from] TargetError),
    /// The door does not send this method.
    #[error("method `{0}` is not supported; use an upper-case method other than `CONNECT` and `TRACE`")]
    Method(String),
    /// Only the host may set the header.
    #[error("header `{0}` is set by the host only; remove it")]
    Header(String),
    /// The host puts a secret into the header or parameter.
    #[error("`{0}` carries a secret that the host adds; remove it")]
    SecretPlace(String),
    /// The body of a stream does not have its declared length.
    #[error(
        "the request body does not have its declared length of {declared} bytes; declare the actual length"
    )]
    BodyLength {
        /// The declared length in bytes.
        declared: u64,
    },
    /// The caller's stream of the body failed.
    #[error("the request body ended with an error")]
    Body,
}

/// A limit of the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// Requests of one run under one grant.
    #[error("request limit of the run reached; raise `requests` of the grant")]
    Requests,
    /// Concurrent requests of one run under one grant.
    #[error("limit of concurrent requests of the run reached; raise `concurrency` of the grant")]
    Concurrency,
    /// The body of one request.
    #[error("request body limit reached; raise `request-bytes` of the grant")]
    RequestBody,
    /// The body of one response.
    #[error("response body limit reached; raise `response-bytes` of the grant")]
    ResponseBody,
    /// The headers of one request.
    #[error("request header limit reached; send fewer or shorter headers")]
    RequestHeaders,
    /// The headers of one response.
    #[error("response header limit reached: the server sent more or longer headers than the host accepts")]
    ResponseHeaders,
    /// Redirects of one request.
    #[error("redirect limit reached; raise `redirects` of the grant, or follow them in the skill")]
    Redirects,
    /// Concurrent requests of all runs of one skill.
    #[error("limit of concurrent requests of the skill reached; try again later")]
    SkillConcurrency,
    /// Requests a minute of all runs of one skill.
    #[error("requests per minute of the skill reached; try again later")]
    SkillRequests,
    /// Bytes a minute of all runs of one skill.
    #[error("bytes per minute of the skill reached; try again later")]
    SkillBytes,
    /// Concurrent requests of all runs of one principal.
    #[error("limit of concurrent requests of the principal reached; try again later")]
    PrincipalConcurrency,
    /// Requests a minute of all runs of one principal.
    #[error("requests per minute of the principal reached; try again later")]
    PrincipalRequests,
    /// Bytes a minute of all runs of one principal.
    #[error("bytes per minute of the principal reached; try again later")]
    PrincipalBytes,
}

/// Why the door refuses a redirect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRedirect {
    /// `Location` is no canonical URL.
    #[error("the `location` of the redirect is refused: {0}")]
    Location(TargetError),
    /// From `https` to `http`.
    #[error("the redirect leads from `https` to `http`; request the `http` URL itself if a grant covers it")]
    Downgrade,
    /// The redirect needs the body again, but it was a stream.
    #[error("the redirect needs the request body again, which was a stream; send the body as a whole")]
    Body,
}

/// How a server violated HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BadResponse {
    /// The head or the framing cannot be parsed, or the connection ended early.
    #[error("the server sent a malformed or incomplete response")]
    Malformed,
    /// The framing has two readings.
    #[error("the server sent a response whose length has two readings")]
    Framing,
    /// The server switched protocols.
    #[error("the server switched to another protocol, which the host never requested")]
    Switched,
    /// Too much framing around little content.
    #[error("the server sent far more framing than content")]
    Padded,
    /// The body is compressed although the host requested identity.
    #[error("the server compressed the response although the host requested `identity`")]
    Encoding,
}

/// Why a request failed. The text is for the operator; a guest gets [`EgressError::guest`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// No grant covers the request.
    #[error("{0}")]
    Denied(Box<Explanation>),
    /// A grant covers the URL, but the name has an address that the door does not dial.
    #[error("`{host}` under {rule}: {refusal}")]
    Address {
        /// The host of the URL.
        host: String,
        /// The grant.
        rule: RuleId,
        /// The refused address.
        refusal: AddressRefusal,
    },
    /// The request is invalid.
    #[error("invalid request: {0}")]
    Invalid(#[from] Invalid),
    /// A limit was reached.
    #[error("{0}")]
    Limit(#[from] Limit),
    /// The name has no address.
    #[error("cannot resolve `{host}`: {source}; check the name and the resolver")]
    Dns {
        /// The name.
        host: String,
        /// Why.
        source: ResolveError,
    },
    /// No address of the host accepted a connection.
    #[error("cannot connect to `{host}`: {source}; check that the server runs")]
    Connect {
        /// The host of the URL.
        host: String,
        /// The error of the last address.
        source: io::Error,
    },
    /// The operator's proxy did not open a tunnel.
    #[error("the proxy did not connect to `{host}`: {reason}; check `proxy`")]
    Proxy {
        /// The host of the URL.
        host: String,
        /// Why.
        reason: ProxyFailure,
    },
    /// TLS failed, for example because the certificate is for another name.
    #[error("TLS with `{host}` failed: {source}; check its certificate and `ca-file`")]
    Tls {
        /// The host of the URL.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The connection failed while the request or the response was under way.
    #[error("the connection to the server failed: {0}; try again")]
    Broken(io::Error),
    /// The server broke HTTP.
    #[error("{0}; the host accepts no such response")]
    Response(BadResponse),
    /// The door does not follow a redirect.
    #[error("{0}")]
    Redirect(#[from] BadRedirect),
    /// The request timed out.
    #[error("the request timed out; raise `timeout` of the grant or the deadline of the run")]
    Timeout,
    /// The grant names a secret that the operator has not configured, or that no request can carry.
    #[error("secret `{name}` of {rule} cannot be used: {reason}; check its configuration")]
    Secret {
        /// The name of the secret.
        name: String,
        /// The grant.
        rule: RuleId,
        /// Why.
        reason: String,
    },
    /// A file that the grant names cannot be used.
    #[error("cannot use {path} of {rule}: {reason}; check the file", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The grant.
        rule: RuleId,
        /// Why.
        reason: String,
    },
}

/// The error that a guest gets for a failed request: a kind, without details that would map the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// No grant covers the request, or an address or a redirect is refused.
    #[error("denied")]
    Denied,
    /// The request is invalid.
    #[error("invalid request")]
    Invalid,
    /// A body is too large.
    #[error("body too large")]
    BodyTooLarge,
    /// Another limit was reached.
    #[error("limit reached")]
    Limit,
    /// The name was not resolved.
    #[error("name not resolved")]
    Dns,
    /// No connection, or a broken one.
    #[error("connection failed")]
    Connect,
    /// TLS failed.
    #[error("TLS failed")]
    Tls,
    /// The server broke HTTP.
    #[error("protocol error")]
    Protocol,
    /// The request timed out.
    #[error("timed out")]
    Timeout,
    /// The operator's configuration is wrong.
    #[error("unavailable")]
    Unavailable,
}

impl EgressError {
    /// Returns the error for the guest.
    pub fn guest(&self) -> GuestError {
        match self {
            Self::Denied(_) | Self::Address { .. } | Self::Redirect(_) => GuestError::Denied,
            Self::Invalid(_) => GuestError::Invalid,
            Self::Limit(Limit::RequestBody | Limit::ResponseBody) => GuestError::BodyTooLarge,
            Self::Limit(_) => GuestError::Limit,
            Self::Dns { .. } => GuestError::Dns,
            Self::Connect { .. } | Self::Broken(_) => GuestError::Connect,
            Self::Tls { .. } => GuestError::Tls,
            Self::Response(_) => GuestError::Protocol,
            Self::Timeout => GuestError::Timeout,
            Self::Proxy { .. } | Self::Secret { .. } | Self::File { .. } => GuestError::Unavailable,
        }
    }
}
