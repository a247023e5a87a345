//! The tables of the file, and how rows are encoded in them.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format` | [`FORMAT`] |
//! | `meta` | `bytes` | the bytes of all spaces together |
//! | `spaces` | space | keys, bytes, highest revision |
//! | `heads` | space, key | revision, size of the value |
//! | `values` | space, key | revision, value |
//!
//! Numbers are 8 bytes, big end first. A list and a check of an expectation read `heads` alone, so large values cost
//! them nothing. The row of a space stays when its last key goes, so its revisions never come back.

use std::ops::Bound;

use bytes::Bytes;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError};
use redb::{StorageError, WriteTransaction};

use super::copied;
use crate::change::{Rows, room};
use crate::error::Error;
use crate::quota::Usage;
use crate::store::{Entry, Page, Row};

/// The format that this version reads and writes.
pub(crate) const FORMAT: &str = "1";

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(super) const META: Definition = TableDefinition::new("meta");
pub(super) const SPACES: Definition = TableDefinition::new("spaces");
pub(super) const HEADS: Definition = TableDefinition::new("heads");
pub(super) const VALUES: Definition = TableDefinition::new("values");

const FORMAT_KEY: &[u8] = b"format";
const BYTES_KEY: &[u8] = b"bytes";

pub(super) fn format(database: &Database) -> Result<Option<Vec<u8>>, Error> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => Ok(meta.get(FORMAT_KEY)?.map(|format| format.value().to_vec())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn create(write: &WriteTransaction) -> Result<(), Error> {
    write.open_table(META)?.insert(FORMAT_KEY, FORMAT.as_bytes())?;
    write.open_table(SPACES)?;
    write.open_table(HEADS)?;
    write.open_table(VALUES)?;
    Ok(())
}

fn damaged() -> Error {
    StorageError::Corrupted("a row of the key-value store is too short".into()).into()
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    Ok((u64::from_be_bytes(*number), rest))
}

fn key_of(space: &[u8], key: &str) -> Vec<u8> {
    [space, key.as_bytes()].concat()
}

fn read_usage(bytes: &[u8]) -> Result<Usage, Error> {
    let (keys, rest) = number(bytes)?;
    let (bytes, rest) = number(rest)?;
    let (revision, _) = number(rest)?;
    Ok(Usage { keys, bytes, revision })
}

fn usage_bytes(usage: Usage) -> Vec<u8> {
    [usage.keys, usage.bytes, usage.revision].map(u64::to_be_bytes).concat()
}

type Readable<'a> = &'a dyn Get;

/// What reads need of a table, whatever transaction it is of.
pub(super) trait Get {
    fn bytes(&self, key: &[u8], then: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<bool, Error>;
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Get for T {
    fn bytes(&self, key: &[u8], then: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<bool, Error> {
        match self.get(key)? {
            Some(value) => then(value.value()).map(|()| true),
            None => Ok(false),
        }
    }
}

pub(super) fn usage(spaces: Readable<'_>, space: &[u8]) -> Result<Usage, Error> {
    let mut found = Usage::default();
    spaces.bytes(space, &mut |bytes| {
        found = read_usage(bytes)?;
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn total(meta: Readable<'_>) -> Result<u64, Error> {
    let mut found = 0;
    meta.bytes(BYTES_KEY, &mut |bytes| {
        (found, _) = number(bytes)?;
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn entry(values: Readable<'_>, space: &[u8], key: &str) -> Result<Option<Entry>, Error> {
    let mut found = None;
    values.bytes(&key_of(space, key), &mut |bytes| {
        let (revision, value) = number(bytes)?;
        found = Some(Entry { value: copied(value), revision });
        Ok(())
    })?;
    Ok(found)
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_not_utf8| damaged())
}

pub(super) fn list(
    heads: &impl ReadableTable<&'static [u8], &'static [u8]>,
    space: &[u8],
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, Error> {
    let within = key_of(space, prefix);
    let past = after.filter(|after| *after >= prefix).map(|after| key_of(space, after));
    let start = match &past {
        Some(past) => Bound::Excluded(past.as_slice()),
        None => Bound::Included(within.as_slice()),
    };
    let mut page = Page::default();
    for row in heads.range::<&[u8]>((start, Bound::Unbounded))? {
        let (key, _) = row?;
        if !key.value().starts_with(&within) {
            break;
        }
        if page.keys.len() == limit {
            page.next = page.keys.last().cloned();
            break;
        }
        let key = key.value().strip_prefix(space).ok_or_else(damaged)?;
        page.keys.push(text(key)?.to_owned());
    }
    Ok(page)
}

pub(super) fn spaces(
    spaces: &impl ReadableTable<&'static [u8], &'static [u8]>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Usage)>, Error> {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    spaces
        .range::<&[u8]>((start, Bound::Unbounded))?
        .take(limit)
        .map(|row| {
            let (space, usage) = row?;
            Ok((space.value().to_vec(), read_usage(usage.value())?))
        })
        .collect()
}

pub(super) fn each(
    read: &ReadTransaction,
    only: Option<&[u8]>,
    visit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let values = read.open_table(VALUES)?;
    let range =
        (only.map_or(Bound::Unbounded, Bound::Included), only.map_or(Bound::Unbounded, Bound::Included));
    for row in read.open_table(SPACES)?.range::<&[u8]>(range)? {
        let (space, usage) = row?;
        let space = space.value();
        visit(Row::Space { space, usage: read_usage(usage.value())? })?;
        for row in values.range::<&[u8]>(space..)? {
            let (key, value) = row?;
            let Some(key) = key.value().strip_prefix(space) else { break };
            let (revision, value) = number(value.value())?;
            visit(Row::Entry { key: text(key)?, revision, value })?;
        }
    }
    Ok(())
}

/// Adds rows to an empty file.
pub(crate) struct Adder<'a> {
    tables: Tables<'a>,
    space: Vec<u8>,
}

impl<'a> Adder<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, Error> {
        Ok(Self { tables: Tables::open(write)?, space: Vec::new() })
    }

    /// Adds a row. A space stands before its entries.
    pub(crate) fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        match row {
            Row::Space { space, usage } => {
                self.space = space.to_vec();
                self.tables.of(&self.space, u64::MAX).keep(Usage::default(), *usage).map(drop)
            }
            Row::Entry { key, revision, value } => {
                self.tables.of(&self.space, u64::MAX).write(key, *revision, value)
            }
        }
    }
}

type Written<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// The tables in a transaction that writes.
pub(super) struct Tables<'a> {
    meta: Written<'a>,
    spaces: Written<'a>,
    heads: Written<'a>,
    values: Written<'a>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            meta: write.open_table(META)?,
            spaces: write.open_table(SPACES)?,
            heads: write.open_table(HEADS)?,
            values: write.open_table(VALUES)?,
        })
    }

    /// The rows of one space.
    pub(super) fn of<'t>(&'t mut self, space: &'t [u8], store_bytes: u64) -> SpaceRows<'t, 'a> {
        SpaceRows { tables: self, space, store_bytes }
    }
}

pub(super) struct SpaceRows<'t, 'a> {
    tables: &'t mut Tables<'a>,
    space: &'t [u8],
    store_bytes: u64,
}

impl SpaceRows<'_, '_> {
    fn write(&mut self, key: &str, revision: u64, value: &[u8]) -> Result<(), Error> {
        let key = key_of(self.space, key);
        let size = u64::try_from(value.len()).unwrap_or(u64::MAX);
        let head = [revision.to_be_bytes(), size.to_be_bytes()].concat();
        self.tables.heads.insert(key.as_slice(), head.as_slice())?;
        let row = [&revision.to_be_bytes(), value].concat();
        self.tables.values.insert(key.as_slice(), row.as_slice())?;
        Ok(())
    }
}

impl Rows for SpaceRows<'_, '_> {
    fn usage(&mut self) -> Result<Usage, Error> {
        usage(&self.tables.spaces, self.space)
    }

    fn head(&mut self, key: &str) -> Result<Option<(u64, u64)>, Error> {
        let Some(head) = self.tables.heads.get(key_of(self.space, key).as_slice())? else { return Ok(None) };
        let (revision, rest) = number(head.value())?;
        let (size, _) = number(rest)?;
        Ok(Some((revision, size)))
    }

    fn value(&mut self, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(entry(&self.tables.values, self.space, key)?.map(|entry| entry.value))
    }

    fn put(&mut self, key: &str, revision: u64, value: &Bytes) -> Result<(), Error> {
        self.write(key, revision, value)
    }

    fn remove(&mut self, key: &str) -> Result<(), Error> {
        let key = key_of(self.space, key);
        self.tables.heads.remove(key.as_slice())?;
        self.tables.values.remove(key.as_slice())?;
        Ok(())
    }

    fn keep(&mut self, before: Usage, after: Usage) -> Result<bool, Error> {
        if before.bytes != after.bytes {
            let total = total(&self.tables.meta)?;
            let Some(next) = room(total, before, after, self.store_bytes) else { return Ok(false) };
            self.tables.meta.insert(BYTES_KEY, next.to_be_bytes().as_slice())?;
        }
        self.tables.spaces.insert(self.space, usage_bytes(after).as_slice())?;
        Ok(true)
    }

    fn store_bytes(&self) -> u64 {
        self.store_bytes
    }
}
