//! The capabilities of a run, as traits: http, kv, config and secrets. Other crates, or the embedder's program,
//! implement them.
//!
//! A run keeps the grants of [`crate::Call::grant`] from its start to its end. Without a grant, every function of
//! `http` and `kv` returns `denied`, and `config` and `secrets` are empty.

mod http;
mod kv;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) use crate::usage::DENIALS;
pub use crate::usage::{Capability, CapabilityUsage, Denial, Spent};
pub use http::{
    Http, HttpBody, HttpError, HttpFailure, HttpHead, HttpLimit, HttpRequest, HttpRequestBody, HttpResponse,
    Redirects,
};
pub use kv::{Expected, Kv, KvEntry, KvError, KvPage};

/// The future of a capability's method. Dropping it ends the wait.
pub type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The capabilities that one run may use. Default: none.
///
/// A clone shares the implementations.
#[derive(Clone, Default)]
pub struct Granted {
    pub(crate) http: Option<Arc<dyn Http>>,
    pub(crate) kv: Option<Arc<dyn Kv>>,
    pub(crate) config: Arc<BTreeMap<String, String>>,
    pub(crate) secrets: Arc<BTreeSet<String>>,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("http", &self.http.is_some())
            .field("kv", &self.kv.is_some())
            .field("config", &self.config.len())
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

impl Granted {
    /// Grants nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Grants HTTP requests through `http`, which decides about each request.
    #[must_use]
    pub fn http(mut self, http: Arc<dyn Http>) -> Self {
        self.http = Some(http);
        self
    }

    /// Grants the key-value space `kv`.
    #[must_use]
    pub fn kv(mut self, kv: Arc<dyn Kv>) -> Self {
        self.kv = Some(kv);
        self
    }

    /// Grants configuration values.
    #[must_use]
    pub fn config(mut self, values: Arc<BTreeMap<String, String>>) -> Self {
        self.config = values;
        self
    }

    /// Grants the names of secrets, for `secrets.exists`. Only the implementation of [`Http`] has the values.
    #[must_use]
    pub fn secrets(mut self, names: Arc<BTreeSet<String>>) -> Self {
        self.secrets = names;
        self
    }
}
