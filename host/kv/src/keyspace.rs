//! Reads and writes one space.

use std::sync::Arc;

use bytes::Bytes;

use crate::backend::Backend;
use crate::change::{Action, Change, Changed, Expect, Write};
use crate::data::{Entry, Page};
use crate::durable::Durable;
use crate::error::Error;
use crate::lane::{Lane, Lanes};
use crate::memory::Cell;
use crate::quota::{Quotas, Usage};
use crate::space::Space;

/// The most keys that one page of [`Keyspace::list`] can have.
pub const LIST_KEYS: usize = 1000;

/// Access to one space under quotas.
///
/// Reads run on the caller's thread: they take microseconds, and longer only if a page of the file is not in memory.
/// You can drop a future at any time. A dropped write happens whole or not at all.
#[derive(Clone, Debug)]
pub struct Keyspace {
    rows: Place,
    lane: Arc<Lane>,
    lanes: Arc<Lanes>,
    quotas: Quotas,
}

/// The result of [`Keyspace::increment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sum {
    /// The sum.
    pub value: i64,
    /// The revision that stored it.
    pub revision: u64,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<Cell>),
    Durable(Arc<Durable>),
}

impl Keyspace {
    pub(crate) fn new(backend: &Backend, lanes: &Arc<Lanes>, space: &Space, quotas: Quotas) -> Self {
        let space = space.encode();
        let lane = lanes.lane(&space);
        let rows = match backend {
            Backend::Memory(memory) => Place::Memory(memory.cell(&space)),
            Backend::Durable(durable) => Place::Durable(durable.clone()),
        };
        Self { rows, lane, lanes: lanes.clone(), quotas }
    }

    /// Returns the quotas.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Returns the value of a key and its revision, or `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::KeyTooLong`] or [`Error::Storage`].
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.quotas.check_key(key)?;
        match &self.rows {
            Place::Memory(cell) => Ok(cell.get(key)),
            Place::Durable(durable) => durable.get(&self.lane.space, key),
        }
    }

    /// Returns the values of several keys as they were at one moment, in the order of `keys`.
    ///
    /// # Errors
    ///
    /// [`Error::BatchTooLarge`] if keys or values pass the quotas of a batch, [`Error::KeyTooLong`] or
    /// [`Error::Storage`].
    pub async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, Error> {
        self.quotas.check_batch(keys.len(), 0)?;
        for key in keys {
            self.quotas.check_key(key)?;
        }
        let entries = match &self.rows {
            Place::Memory(cell) => cell.get_many(keys),
            Place::Durable(durable) => durable.get_many(&self.lane.space, keys, &self.quotas)?,
        };
        let bytes = entries.iter().flatten().fold(0usize, |sum, entry| sum.saturating_add(entry.value.len()));
        self.quotas.check_batch(keys.len(), bytes)?;
        Ok(entries)
    }

    /// Lists keys that begin with `prefix`, in the order of their bytes.
    ///
    /// `cursor` is [`Page::next`] of the page before. `limit` is the maximum number of keys (1 to [`LIST_KEYS`]; other
    /// numbers become the nearest of these). A list over several pages sees writes that happen meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub async fn list(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<Page, Error> {
        let limit = limit.clamp(1, LIST_KEYS);
        match &self.rows {
            Place::Memory(cell) => Ok(cell.list(prefix, cursor, limit)),
            Place::Durable(durable) => durable.list(&self.lane.space, prefix, cursor, limit),
        }
    }

    /// Returns the usage of the space.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub async fn usage(&self) -> Result<Usage, Error> {
        match &self.rows {
            Place::Memory(cell) => Ok(cell.usage()),
            Place::Durable(durable) => durable.usage(&self.lane.space),
        }
    }

    /// Stores a value and returns its revision.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if the key is not as `expect` says, [`Error::KeyTooLong`], [`Error::ValueTooLarge`],
    /// [`Error::QuotaExceeded`], [`Error::Closed`] or [`Error::Storage`].
    pub async fn set(&self, key: &str, value: impl Into<Bytes>, expect: Expect) -> Result<u64, Error> {
        match self.one(key, Action::Set(value.into()), expect).await? {
            Changed::Set(revision) | Changed::Incremented { revision, .. } => Ok(revision),
            Changed::Deleted(_) => Err(Error::Closed),
        }
    }

    /// Removes a key and returns the revision that it had, or `None` if it did not exist.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::set`], except for the size of a value. [`Error::Conflict`] also if `expect` names a revision
    /// and the key does not exist.
    pub async fn delete(&self, key: &str, expect: Expect) -> Result<Option<u64>, Error> {
        match self.one(key, Action::Delete, expect).await? {
            Changed::Deleted(revision) => Ok(revision),
            Changed::Set(_) | Changed::Incremented { .. } => Err(Error::Closed),
        }
    }

    /// Adds `delta` to a number and returns the sum and its revision. An absent key counts as 0.
    ///
    /// The number is stored as decimal text, so [`Keyspace::get`] and [`Keyspace::set`] read and write it too.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::set`], [`Error::NotANumber`] and [`Error::Overflow`].
    pub async fn increment(&self, key: &str, delta: i64) -> Result<Sum, Error> {
        match self.one(key, Action::Increment(delta), Expect::Any).await? {
            Changed::Incremented { value, revision } => Ok(Sum { value, revision }),
            Changed::Set(_) | Changed::Deleted(_) => Err(Error::Closed),
        }
    }

    /// Stores several values at once, all or none, and returns their revisions.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::set`], and [`Error::BatchTooLarge`].
    pub async fn set_many(
        &self,
        entries: impl IntoIterator<Item = (String, Bytes)>,
    ) -> Result<Vec<u64>, Error> {
        let changes = entries
            .into_iter()
            .map(|(key, value)| Change { key, action: Action::Set(value), expect: Expect::Any })
            .collect();
        let changed = self.change(changes).await?;
        Ok(changed
            .into_iter()
            .filter_map(|changed| match changed {
                Changed::Set(revision) | Changed::Incremented { revision, .. } => Some(revision),
                Changed::Deleted(_) => None,
            })
            .collect())
    }

    /// Removes several keys at once, all or none, and returns the revisions that they had.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::delete`], and [`Error::BatchTooLarge`].
    pub async fn delete_many(&self, keys: &[&str]) -> Result<Vec<Option<u64>>, Error> {
        let changes = keys
            .iter()
            .map(|key| Change { key: (*key).into(), action: Action::Delete, expect: Expect::Any })
            .collect();
        let changed = self.change(changes).await?;
        Ok(changed
            .into_iter()
            .map(|changed| match changed {
                Changed::Deleted(revision) => revision,
                Changed::Set(_) | Changed::Incremented { .. } => None,
            })
            .collect())
    }

    /// Makes several changes at once, all or none. Each change sees those before it.
    ///
    /// # Errors
    ///
    /// The error of the first change that cannot be made, and [`Error::BatchTooLarge`].
    pub async fn change(&self, changes: Vec<Change>) -> Result<Vec<Changed>, Error> {
        let write = Write { changes, floor: 0, quotas: self.quotas };
        self.quotas.check_batch(write.changes.len(), write.bytes())?;
        self.write(write).await
    }

    async fn one(&self, key: &str, action: Action, expect: Expect) -> Result<Changed, Error> {
        let changes = vec![Change { key: key.into(), action, expect }];
        let changed = self.write(Write { changes, floor: 0, quotas: self.quotas }).await?;
        changed.into_iter().next().ok_or(Error::Closed)
    }

    /// Makes changes whose revisions are above `floor`, also if there are none.
    pub(crate) async fn write_above(&self, changes: Vec<Change>, floor: u64) -> Result<Vec<Changed>, Error> {
        self.write(Write { changes, floor, quotas: self.quotas }).await
    }

    /// The only way to a write: checks sizes, then the writes of this minute, then queues.
    async fn write(&self, write: Write) -> Result<Vec<Changed>, Error> {
        if write.changes.is_empty() && write.floor == 0 {
            return Ok(Vec::new());
        }
        for change in &write.changes {
            self.quotas.check_key(&change.key)?;
            match &change.action {
                Action::Set(value) => self.quotas.check_value(value)?,
                Action::Delete | Action::Increment(_) => {}
            }
        }
        let limit = self.quotas.writes_per_minute;
        if limit != u32::MAX {
            self.lane.charge(self.lanes.now(), limit, write.changes.len())?;
        }
        match &self.rows {
            Place::Memory(cell) => cell.write(&write),
            Place::Durable(durable) => durable.write(&self.lane, write).await,
        }
    }
}
