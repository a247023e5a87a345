//! Decides what a write does. Both backends call it, so that both behave alike.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::{Error, Quota};
use crate::quota::{Quotas, Usage};

/// The state that a write expects its key to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Expect {
    /// Any state.
    #[default]
    Any,
    /// The key does not exist.
    Absent,
    /// The key has this revision.
    Revision(u64),
}

impl Expect {
    fn check(self, current: Option<u64>) -> Result<(), Error> {
        let met = match self {
            Expect::Any => true,
            Expect::Absent => current.is_none(),
            Expect::Revision(revision) => current == Some(revision),
        };
        if met { Ok(()) } else { Err(Error::Conflict { current }) }
    }
}

/// The effect of a change on its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stores a value.
    Set(Bytes),
    /// Removes the key.
    Delete,
    /// Adds to the number that the value shows in decimal; an absent key counts as 0.
    Increment(i64),
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The effect.
    pub action: Action,
    /// The state that the key must be in.
    pub expect: Expect,
}

/// The result of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A value was stored under this revision.
    Set(u64),
    /// The key was removed; the revision that it had, or `None` if it did not exist.
    Deleted(Option<u64>),
    /// A number was stored.
    Incremented {
        /// The sum.
        value: i64,
        /// The revision of the sum.
        revision: u64,
    },
}

/// A batch, which happens whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) changes: Vec<Change>,
    /// Revisions are assigned above this one, for imports.
    pub(crate) floor: u64,
    pub(crate) quotas: Quotas,
}

impl Write {
    /// The bytes of all keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.changes.iter().fold(0usize, |sum, change| {
            let value = match &change.action {
                Action::Set(value) => value.len(),
                Action::Delete | Action::Increment(_) => 0,
            };
            sum.saturating_add(change.key.len()).saturating_add(value)
        })
    }
}

/// The rows of one space.
pub(crate) trait Rows {
    fn usage(&mut self) -> Result<Usage, Error>;
    /// The revision of a key and the size of its value.
    fn head(&mut self, key: &str) -> Result<Option<(u64, u64)>, Error>;
    fn value(&mut self, key: &str) -> Result<Option<Bytes>, Error>;
    fn put(&mut self, key: &str, revision: u64, value: &Bytes) -> Result<(), Error>;
    fn remove(&mut self, key: &str) -> Result<(), Error>;
    /// Stores the usage of the space, and adds the difference to the bytes of the whole store and of the holder. It does
    /// nothing if one of them has no room. `whole` lets the space take more than the holder's share.
    fn keep(&mut self, before: Usage, after: Usage, whole: bool) -> Result<Result<(), Quota>, Error>;
}

/// Makes a write.
///
/// The outer error is of the storage and leaves the rows in an unknown state; the inner one has changed nothing. So has an
/// outer [`Error::Damaged`]: all reads come before the first change.
pub(crate) fn apply(rows: &mut impl Rows, write: &Write) -> Result<Result<Vec<Changed>, Error>, Error> {
    let before = rows.usage()?;
    let mut plan = Plan { usage: before, rows: BTreeMap::new() };
    plan.usage.revision = plan.usage.revision.max(write.floor);
    let mut done = Vec::with_capacity(write.changes.len());
    for change in &write.changes {
        match plan.add(rows, change, &write.quotas)? {
            Ok(changed) => done.push(changed),
            Err(error) => return Ok(Err(error)),
        }
    }
    if let Err(error) = write.quotas.step(before, plan.usage) {
        return Ok(Err(error));
    }
    // First the usage: the one thing that can still be refused.
    if plan.usage != before
        && let Err(quota) = rows.keep(before, plan.usage, write.quotas.whole_store)?
    {
        return Ok(Err(Error::QuotaExceeded(quota)));
    }
    for (key, row) in &plan.rows {
        match row {
            Some((revision, value)) => rows.put(key, *revision, value)?,
            None => rows.remove(key)?,
        }
    }
    Ok(Ok(done))
}

/// What a write will do, before it does anything.
struct Plan<'a> {
    usage: Usage,
    rows: BTreeMap<&'a str, Option<(u64, Bytes)>>,
}

impl<'a> Plan<'a> {
    fn add(
        &mut self,
        rows: &mut impl Rows,
        change: &'a Change,
        quotas: &Quotas,
    ) -> Result<Result<Changed, Error>, Error> {
        let key = change.key.as_str();
        let current = match self.rows.get(key) {
            Some(row) => row.as_ref().map(|(revision, value)| (*revision, size(value))),
            None => rows.head(key)?,
        };
        if let Err(error) = change.expect.check(current.map(|(revision, _)| revision)) {
            return Ok(Err(error));
        }
        let changed = match &change.action {
            Action::Set(value) => Changed::Set(self.set(key, current, value.clone())),
            Action::Delete => {
                if let Some((_, size)) = current {
                    self.usage.keys = self.usage.keys.saturating_sub(1);
                    self.usage.bytes = self.usage.bytes.saturating_sub(row_bytes(key, size));
                    self.rows.insert(key, None);
                }
                Changed::Deleted(current.map(|(revision, _)| revision))
            }
            Action::Increment(delta) => {
                let old = match self.rows.get(key) {
                    Some(row) => row.as_ref().map(|(_, value)| value.clone()),
                    None => rows.value(key)?,
                };
                let value = match sum(old.as_deref(), *delta) {
                    Ok(value) => value,
                    Err(error) => return Ok(Err(error)),
                };
                let text = Bytes::from(value.to_string());
                if let Err(error) = quotas.check_value(&text) {
                    return Ok(Err(error));
                }
                Changed::Incremented { value, revision: self.set(key, current, text) }
            }
        };
        Ok(Ok(changed))
    }

    fn set(&mut self, key: &'a str, current: Option<(u64, u64)>, value: Bytes) -> u64 {
        match current {
            Some((_, old)) => self.usage.bytes = self.usage.bytes.saturating_sub(row_bytes(key, old)),
            None => self.usage.keys = self.usage.keys.saturating_add(1),
        }
        self.usage.bytes = self.usage.bytes.saturating_add(row_bytes(key, size(&value)));
        // 2^64 writes take longer than any disk lives.
        self.usage.revision = self.usage.revision.saturating_add(1);
        self.rows.insert(key, Some((self.usage.revision, value)));
        self.usage.revision
    }
}

fn size(value: &[u8]) -> u64 {
    u64::try_from(value.len()).unwrap_or(u64::MAX)
}

fn row_bytes(key: &str, value: u64) -> u64 {
    size(key.as_bytes()).saturating_add(value)
}

fn sum(old: Option<&[u8]>, delta: i64) -> Result<i64, Error> {
    let old: i64 = match old {
        None => 0,
        Some(text) => {
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Error::NotANumber)?
        }
    };
    old.checked_add(delta).ok_or(Error::Overflow)
}
