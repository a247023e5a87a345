//! The tables of the file, and how rows are encoded in them.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format` | [`FORMAT`], without a checksum |
//! | `meta` | `bytes` | the bytes of all spaces together |
//! | `shares` | principal, owner or digest | the bytes of all its spaces together |
//! | `spaces` | space | keys, bytes, highest revision |
//! | `heads` | space, key | revision, size of the value |
//! | `values` | space, key | revision, value |
//!
//! Numbers are 8 bytes, big end first, and each value ends in its checksum ([`seal`](super::seal)). A list and a check of
//! an expectation read `heads` alone, so large values cost them nothing. The row of a space stays when its last key goes,
//! so its revisions never come back.

use std::ops::Bound;

use bytes::Bytes;
use redb::WriteTransaction;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableError};

use super::area::Area;
use super::copied;
use super::seal::{opened, sealed};
use crate::change::Rows;
use crate::data::{Entry, Page};
use crate::error::{Error, Quota};
use crate::quota::Usage;
use crate::row::Row;
use crate::share::Room;
use crate::space::Space;

/// The format that this version reads and writes.
pub(crate) const FORMAT: &str = "2";

const FORMAT_KEY: &[u8] = b"format";
pub(super) const BYTES_KEY: &[u8] = b"bytes";

pub(super) fn format(database: &Database) -> Result<Option<Vec<u8>>, Error> {
    match database.begin_read()?.open_table(Area::Meta.table()) {
        Ok(meta) => Ok(meta.get(FORMAT_KEY)?.map(|format| format.value().to_vec())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn create(write: &WriteTransaction) -> Result<(), Error> {
    for area in Area::ALL {
        write.open_table(area.table())?;
    }
    write.open_table(Area::Meta.table())?.insert(FORMAT_KEY, FORMAT.as_bytes())?;
    Ok(())
}

/// Takes a number from the content of a row, whose checksum is right.
pub(super) fn number(area: Area, bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(Error::Damaged { table: area.name() })?;
    Ok((u64::from_be_bytes(*number), rest))
}

fn key_of(space: &[u8], key: &str) -> Vec<u8> {
    [space, key.as_bytes()].concat()
}

pub(super) fn read_usage(space: &[u8], row: &[u8]) -> Result<Usage, Error> {
    let (keys, rest) = number(Area::Spaces, opened(Area::Spaces, space, row)?)?;
    let (bytes, rest) = number(Area::Spaces, rest)?;
    let (revision, _) = number(Area::Spaces, rest)?;
    Ok(Usage { keys, bytes, revision })
}

fn usage_row(space: &[u8], usage: Usage) -> Vec<u8> {
    let [keys, bytes, revision] = [usage.keys, usage.bytes, usage.revision].map(u64::to_be_bytes);
    sealed(Area::Spaces, space, &[&keys, &bytes, &revision])
}

/// The revision of a key, and the size of its value.
pub(super) fn read_head(key: &[u8], row: &[u8]) -> Result<(u64, u64), Error> {
    let (revision, rest) = number(Area::Heads, opened(Area::Heads, key, row)?)?;
    let (size, _) = number(Area::Heads, rest)?;
    Ok((revision, size))
}

/// The revision of a key, and its value.
pub(super) fn read_value<'a>(key: &[u8], row: &'a [u8]) -> Result<(u64, &'a [u8]), Error> {
    number(Area::Values, opened(Area::Values, key, row)?)
}

/// A row that is one number.
pub(super) fn read_number(area: Area, key: &[u8], row: &[u8]) -> Result<u64, Error> {
    Ok(number(area, opened(area, key, row)?)?.0)
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
    spaces.bytes(space, &mut |row| {
        found = read_usage(space, row)?;
        Ok(())
    })?;
    Ok(found)
}

/// The number of a row; 0 without one.
fn count(table: Readable<'_>, area: Area, key: &[u8]) -> Result<u64, Error> {
    let mut found = 0;
    table.bytes(key, &mut |row| {
        found = read_number(area, key, row)?;
        Ok(())
    })?;
    Ok(found)
}

pub(super) fn total(meta: Readable<'_>) -> Result<u64, Error> {
    count(meta, Area::Meta, BYTES_KEY)
}

pub(super) fn entry(
    values: Readable<'_>,
    heads: Readable<'_>,
    space: &[u8],
    key: &str,
) -> Result<Option<Entry>, Error> {
    let key = key_of(space, key);
    let mut found = None;
    let there = values.bytes(&key, &mut |row| {
        let (revision, value) = read_value(&key, row)?;
        found = Some(Entry { value: copied(value), revision });
        Ok(())
    })?;
    // A value that cannot be found any more is not an absent one.
    if !there && heads.bytes(&key, &mut |_| Ok(()))? {
        return Err(Error::Damaged { table: Area::Values.name() });
    }
    Ok(found)
}

fn text(area: Area, bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_not_utf8| Error::Damaged { table: area.name() })
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
        let (key, head) = row?;
        if !key.value().starts_with(&within) {
            break;
        }
        if page.keys.len() == limit {
            page.next = page.keys.last().cloned();
            break;
        }
        read_head(key.value(), head.value())?;
        let key = key.value().get(space.len()..).unwrap_or_default();
        page.keys.push(text(Area::Heads, key)?.to_owned());
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
            Ok((space.value().to_vec(), read_usage(space.value(), usage.value())?))
        })
        .collect()
}

pub(super) fn each(
    read: &ReadTransaction,
    only: Option<&[u8]>,
    visit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let values = read.open_table(Area::Values.table())?;
    let range =
        (only.map_or(Bound::Unbounded, Bound::Included), only.map_or(Bound::Unbounded, Bound::Included));
    for row in read.open_table(Area::Spaces.table())?.range::<&[u8]>(range)? {
        let (space, usage) = row?;
        let space = space.value();
        visit(Row::Space { space, usage: read_usage(space, usage.value())? })?;
        for row in values.range::<&[u8]>(space..)? {
            let (key, value) = row?;
            let Some(name) = key.value().strip_prefix(space) else { break };
            let (revision, value) = read_value(key.value(), value.value())?;
            visit(Row::Entry { key: text(Area::Values, name)?, revision, value })?;
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
                self.tables.of(&self.space, Room::ENDLESS).keep(Usage::default(), *usage, true).map(drop)
            }
            Row::Entry { key, revision, value } => {
                self.tables.of(&self.space, Room::ENDLESS).write(key, *revision, value)
            }
        }
    }
}

type Written<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// The tables in a transaction that writes.
pub(super) struct Tables<'a> {
    meta: Written<'a>,
    shares: Written<'a>,
    spaces: Written<'a>,
    heads: Written<'a>,
    values: Written<'a>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            meta: write.open_table(Area::Meta.table())?,
            shares: write.open_table(Area::Shares.table())?,
            spaces: write.open_table(Area::Spaces.table())?,
            heads: write.open_table(Area::Heads.table())?,
            values: write.open_table(Area::Values.table())?,
        })
    }

    /// The rows of one space.
    pub(super) fn of<'t>(&'t mut self, space: &'t [u8], room: Room) -> SpaceRows<'t, 'a> {
        SpaceRows { tables: self, space, room }
    }
}

pub(super) struct SpaceRows<'t, 'a> {
    tables: &'t mut Tables<'a>,
    space: &'t [u8],
    room: Room,
}

impl SpaceRows<'_, '_> {
    fn write(&mut self, key: &str, revision: u64, value: &[u8]) -> Result<(), Error> {
        let key = key_of(self.space, key);
        let size = u64::try_from(value.len()).unwrap_or(u64::MAX);
        let revision = revision.to_be_bytes();
        let head = sealed(Area::Heads, &key, &[&revision, &size.to_be_bytes()]);
        self.tables.heads.insert(key.as_slice(), head.as_slice())?;
        let row = sealed(Area::Values, &key, &[&revision, value]);
        self.tables.values.insert(key.as_slice(), row.as_slice())?;
        Ok(())
    }
}

impl Rows for SpaceRows<'_, '_> {
    fn usage(&mut self) -> Result<Usage, Error> {
        usage(&self.tables.spaces, self.space)
    }

    fn head(&mut self, key: &str) -> Result<Option<(u64, u64)>, Error> {
        let key = key_of(self.space, key);
        let Some(head) = self.tables.heads.get(key.as_slice())? else { return Ok(None) };
        read_head(&key, head.value()).map(Some)
    }

    fn value(&mut self, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(entry(&self.tables.values, &self.tables.heads, self.space, key)?.map(|entry| entry.value))
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

    fn keep(&mut self, before: Usage, after: Usage, whole: bool) -> Result<Result<(), Quota>, Error> {
        if before.bytes != after.bytes {
            let holder = Space::holder(self.space).ok_or(Error::Damaged { table: Area::Spaces.name() })?;
            let total = total(&self.tables.meta)?;
            let share = count(&self.tables.shares, Area::Shares, &holder)?;
            let next = match self.room.step(total, share, before, after, whole) {
                Ok(next) => next,
                Err(quota) => return Ok(Err(quota)),
            };
            let row = sealed(Area::Meta, BYTES_KEY, &[&next.total.to_be_bytes()]);
            self.tables.meta.insert(BYTES_KEY, row.as_slice())?;
            let row = sealed(Area::Shares, &holder, &[&next.share.to_be_bytes()]);
            self.tables.shares.insert(holder.as_slice(), row.as_slice())?;
        }
        self.tables.spaces.insert(self.space, usage_row(self.space, after).as_slice())?;
        Ok(Ok(()))
    }
}
