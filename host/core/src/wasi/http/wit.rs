//! The types of `wasi:http/types`, but for its errors.

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::capability::Transfer;

/// `types.method`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum Method {
    #[component(name = "get")]
    Get,
    #[component(name = "head")]
    Head,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "delete")]
    Delete,
    #[component(name = "connect")]
    Connect,
    #[component(name = "options")]
    Options,
    #[component(name = "trace")]
    Trace,
    #[component(name = "patch")]
    Patch,
    #[component(name = "other")]
    Other(String),
}

impl Method {
    /// Returns the method as it is sent.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other(name) => name,
        }
    }
}

impl Transfer for Method {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Other(name) => name.transfer_bytes(),
            Self::Get
            | Self::Head
            | Self::Post
            | Self::Put
            | Self::Delete
            | Self::Connect
            | Self::Options
            | Self::Trace
            | Self::Patch => 1,
        }
    }
}

/// `types.scheme`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum Scheme {
    #[component(name = "HTTP")]
    Http,
    #[component(name = "HTTPS")]
    Https,
    #[component(name = "other")]
    Other(String),
}

impl Transfer for Scheme {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Other(name) => name.transfer_bytes(),
            Self::Http | Self::Https => 1,
        }
    }
}

/// `types.header-error`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub(super) enum HeaderError {
    #[component(name = "invalid-syntax")]
    InvalidSyntax,
    #[component(name = "forbidden")]
    Forbidden,
    #[component(name = "immutable")]
    Immutable,
}

impl Transfer for HeaderError {}
