//! The capabilities of a run. http, kv, config and secrets are traits, which other crates or the embedder's program
//! implement. Scratch files are the core's own.
//!
//! A run keeps the grants of [`crate::Call::grant`] from its start to its end. Without a grant, every function of
//! `http` and `kv` returns `denied`, `config` and `secrets` are empty, and no directory is open.

mod http;
mod kv;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::scratch::ScratchCaps;
pub(crate) use crate::usage::DENIALS;
pub use crate::usage::{Capability, CapabilityUsage, Denial, DenialKind, Spent};
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
    pub(crate) scratch: ScratchGrant,
}

/// What a run may use of scratch files.
#[derive(Debug, Clone, Default)]
pub(crate) enum ScratchGrant {
    /// Nothing.
    #[default]
    Nothing,
    /// Nothing, although the skill requests them. The reason is for the report.
    Denied(Arc<str>),
    /// A tree of its own, within caps.
    Files(ScratchCaps),
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("http", &self.http.is_some())
            .field("kv", &self.kv.is_some())
            .field("config", &self.config.len())
            .field("secrets", &self.secrets.len())
            .field("scratch", &self.scratch)
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

    /// Grants scratch files: `wasi:filesystem` has a directory `/` in the memory of the run, with an empty `/tmp`.
    #[must_use]
    pub fn scratch(mut self, caps: ScratchCaps) -> Self {
        self.scratch = ScratchGrant::Files(caps);
        self
    }

    /// Grants no scratch files to a skill that requests them. [`crate::Report::denied`] shows the reason if the run looks
    /// for its directory.
    #[must_use]
    pub fn scratch_denied(mut self, reason: impl Into<Arc<str>>) -> Self {
        self.scratch = ScratchGrant::Denied(reason.into());
        self
    }
}
