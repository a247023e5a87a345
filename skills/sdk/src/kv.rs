//! Keys and values that outlast the run, within a quota. The operator grants the space.
//!
//! Every entry has a revision that is never used twice. A write that names the revision it expects finds every change
//! in between:
//!
//! ```no_run
//! use ringfence_skill::kv::{self, Error, Expected};
//!
//! let entry = kv::get("best")?;
//! let expected = entry.map_or(Expected::Absent, |entry| Expected::Revision(entry.revision));
//! match kv::compare_and_set("best", "42", expected) {
//!     Err(Error::Conflict(_)) => { /* Another run was faster: read again. */ }
//!     written => { written?; }
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! Each call counts as a host call. In tests on your own machine there is no host, and every call returns
//! [`Error::Denied`].

use core::fmt;

#[cfg(target_arch = "wasm32")]
use crate::host::capabilities::kv as wit;

pub use crate::host::capabilities::kv::{Entry, Expected, Page};

/// How many keys [`list`] requests at once.
const PAGE: u32 = 256;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The operator grants no key-value space to this skill.
    Denied,
    /// The key or the cursor is malformed; the text says how.
    Invalid(String),
    /// The entry is not as expected; the payload is its revision, or none if the key does not exist.
    Conflict(Option<u64>),
    /// The call exceeds a quota or a cap; the text names it.
    Limit(String),
    /// The host's store failed; the text says how.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("the operator grants no key-value space to this skill"),
            Self::Invalid(why) => write!(f, "invalid key or cursor: {why}"),
            Self::Conflict(Some(revision)) => write!(f, "the entry changed; it has revision {revision}"),
            Self::Conflict(None) => f.write_str("the entry changed; it does not exist"),
            Self::Limit(which) => write!(f, "key-value quota reached: {which}"),
            Self::Failed(why) => write!(f, "the key-value store failed: {why}"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(target_arch = "wasm32")]
impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied => Self::Denied,
            wit::Error::Invalid(why) => Self::Invalid(why),
            wit::Error::Conflict(revision) => Self::Conflict(revision),
            wit::Error::Limit(which) => Self::Limit(which),
            wit::Error::Failed(why) => Self::Failed(why),
        }
    }
}

/// Returns the entry of a key, or none if the key does not exist.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn get(key: &str) -> Result<Option<Entry>, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::get(key)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = key;
        Err(Error::Denied)
    }
}

/// Sets the value of a key, whatever it is; returns the new revision.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<u64, Error> {
    compare_and_set(key, value, Expected::Any)
}

/// Sets the value of a key if the key is as expected; returns the new revision.
///
/// # Errors
/// Fails with [`Error::Conflict`] if the key is not as expected.
pub fn compare_and_set(key: &str, value: impl AsRef<[u8]>, expected: Expected) -> Result<u64, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::set(key, value.as_ref(), expected)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (key, value, expected);
        Err(Error::Denied)
    }
}

/// Deletes a key, whatever its value; returns whether it existed.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn delete(key: &str) -> Result<bool, Error> {
    compare_and_delete(key, Expected::Any)
}

/// Deletes a key if it is as expected; returns whether it existed.
///
/// # Errors
/// Fails with [`Error::Conflict`] if the key is not as expected.
pub fn compare_and_delete(key: &str, expected: Expected) -> Result<bool, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::delete(key, expected)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (key, expected);
        Err(Error::Denied)
    }
}

/// Adds to a number, which begins at 0, and returns the sum. The value of the key is decimal text.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn increment(key: &str, delta: i64) -> Result<i64, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::increment(key, delta)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (key, delta);
        Err(Error::Denied)
    }
}

/// Lists the keys that begin with `prefix`, in the order of their bytes. The iterator requests a page when it needs
/// one, 256 keys at once, and ends after an error.
#[must_use]
pub fn list(prefix: &str) -> Keys {
    Keys { prefix: prefix.to_owned(), page: Vec::new().into_iter(), next: Next::First }
}

/// Returns one page of at most `limit` keys that begin with `prefix`, from the cursor of an earlier page on.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn list_page(prefix: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::list(prefix, cursor, limit)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (prefix, cursor, limit);
        Err(Error::Denied)
    }
}

/// Keys over all pages; [`list`] returns it.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
    page: std::vec::IntoIter<String>,
    next: Next,
}

/// Where the next page begins.
#[derive(Debug, Clone)]
enum Next {
    First,
    At(String),
    None,
}

impl Iterator for Keys {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.page.next() {
                return Some(Ok(key));
            }
            let page = match core::mem::replace(&mut self.next, Next::None) {
                Next::First => list_page(&self.prefix, None, PAGE),
                Next::At(cursor) => list_page(&self.prefix, Some(&cursor), PAGE),
                Next::None => return None,
            };
            match page {
                Ok(page) => {
                    self.page = page.keys.into_iter();
                    self.next = page.next.map_or(Next::None, Next::At);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
