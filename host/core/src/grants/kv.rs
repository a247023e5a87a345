//! Keys and values as a capability: the space of a run, and the trait that stores it.

use thiserror::Error;

use super::Wait;
use crate::capability::HostCall;

/// Stores one key-value space. The embedder decides whether skills or principals share it.
///
/// Each write gets a higher revision than all earlier writes of the space. An implementation never reuses one.
pub trait Kv: Send + Sync + 'static {
    /// Returns the entry of a key.
    fn get<'a>(&'a self, call: &'a HostCall, key: &'a str) -> Wait<'a, Result<Option<KvEntry>, KvError>>;

    /// Sets the value of a key if the entry is as expected; returns the new revision.
    fn set<'a>(
        &'a self,
        call: &'a HostCall,
        key: &'a str,
        value: Vec<u8>,
        expected: Expected,
    ) -> Wait<'a, Result<u64, KvError>>;

    /// Deletes a key if the entry is as expected; returns whether it existed.
    fn delete<'a>(
        &'a self,
        call: &'a HostCall,
        key: &'a str,
        expected: Expected,
    ) -> Wait<'a, Result<bool, KvError>>;

    /// Adds to a decimal number, which begins at 0; returns the sum.
    fn increment<'a>(
        &'a self,
        call: &'a HostCall,
        key: &'a str,
        delta: i64,
    ) -> Wait<'a, Result<i64, KvError>>;

    /// Lists at most `limit` keys with a prefix, in the order of their bytes. With `after`, it begins after that key.
    fn list<'a>(
        &'a self,
        call: &'a HostCall,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Wait<'a, Result<KvPage, KvError>>;
}

/// A value and its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// The value.
    pub value: Vec<u8>,
    /// Its revision.
    pub revision: u64,
}

/// What must be true for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// The key does not exist.
    Absent,
    /// The key has this revision.
    Revision(u64),
}

/// Keys in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KvPage {
    /// The keys.
    pub keys: Vec<String>,
    /// The last of the keys if more follow, else none.
    pub next: Option<String>,
}

/// Why a call failed. The guest sees the texts, except the reason of [`KvError::Denied`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KvError {
    /// No grant allows the call. The report shows the reason to the operator; the guest sees only `denied`.
    #[error("denied: {reason}")]
    Denied {
        /// The grant, the rule and the reason.
        reason: String,
    },
    /// The key or the cursor is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The entry is not as expected.
    #[error("the entry is not as expected")]
    Conflict {
        /// Its revision; none if the key does not exist.
        revision: Option<u64>,
    },
    /// A quota or a cap is reached.
    #[error("{0}")]
    Limit(String),
    /// The store failed.
    #[error("{0}")]
    Failed(String),
}
