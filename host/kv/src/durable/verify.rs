//! Reads every row of a file, and compares what it says with what there is.

use std::collections::BTreeMap;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::area::Area;
use super::rows::{BYTES_KEY, read_head, read_number, read_usage, read_value};
use crate::error::Error;
use crate::quota::Usage;
use crate::row::Row;
use crate::space::Space;
use crate::verified::{Damage, Verified};

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

pub(super) fn verify(read: &ReadTransaction) -> Result<Verified, Error> {
    let open = |area: Area| read.open_table(area.table());
    let (spaces, heads, values) = (open(Area::Spaces)?, open(Area::Heads)?, open(Area::Values)?);
    let mut verified = Verified::default();
    let mut shares: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut total = 0_u64;
    let mut keys = 0_u64;
    for row in spaces.iter()? {
        let (name, usage) = row?;
        let name = name.value();
        let usage = whole(read_usage(name, usage.value()))?;
        let space = Space::decode(name);
        if let Some(usage) = usage {
            verified.moved.count(&Row::Space { space: name, usage });
        }
        let (counted, read) = entries(&heads, &values, name, space.as_ref(), &mut verified)?;
        keys = keys.saturating_add(read);
        let agrees = usage.is_some_and(|usage| {
            (usage.keys, usage.bytes) == (counted.keys, counted.bytes) && usage.revision >= counted.revision
        });
        let holder = Space::holder(name);
        if !agrees || holder.is_none() {
            verified.found(Damage::Space { space });
        }
        // What the space counts is part of the sums, also where it is wrong.
        let bytes = usage.map_or(counted.bytes, |usage| usage.bytes);
        total = total.saturating_add(bytes);
        if let Some(holder) = holder.filter(|_| bytes > 0) {
            let share = shares.entry(holder).or_default();
            *share = share.saturating_add(bytes);
        }
    }
    for (area, table) in [(Area::Heads, &heads), (Area::Values, &values)] {
        let rows = table.len()?.saturating_sub(keys);
        if rows > 0 {
            verified.found(Damage::Strays { table: area.name(), rows });
        }
    }
    if !sums(&open(Area::Meta)?, &open(Area::Shares)?, total, shares)? {
        verified.found(Damage::Total);
    }
    Ok(verified)
}

/// Reads the entries of one space. Returns what they count, and the number of rows.
fn entries(
    heads: &Rows,
    values: &Rows,
    name: &[u8],
    space: Option<&Space>,
    verified: &mut Verified,
) -> Result<(Usage, u64), Error> {
    let mut counted = Usage::default();
    let mut rows = 0_u64;
    for row in heads.range::<&[u8]>(name..)? {
        let (key, head) = row?;
        let key = key.value();
        let Some(text) = key.strip_prefix(name) else { break };
        rows = rows.saturating_add(1);
        let head = whole(read_head(key, head.value()))?;
        let value = values.get(key)?;
        let value = match &value {
            Some(row) => whole(read_value(key, row.value()))?,
            None => None,
        };
        let size = |value: &[u8]| u64::try_from(value.len()).unwrap_or(u64::MAX);
        let text = std::str::from_utf8(text).ok();
        if let (Some((revision, length)), Some(text)) = (head, text) {
            counted.keys = counted.keys.saturating_add(1);
            counted.bytes = counted.bytes.saturating_add(size(text.as_bytes())).saturating_add(length);
            counted.revision = counted.revision.max(revision);
        }
        match (head, value, text, space) {
            (Some((revision, length)), Some((written, value)), Some(key), _)
                if (revision, length) == (written, size(value)) =>
            {
                verified.moved.count(&Row::Entry { key, revision, value });
            }
            (_, _, key, Some(space)) => {
                verified.found(Damage::Value { space: space.clone(), key: key.unwrap_or("?").to_owned() });
            }
            // The name of the space is a finding already.
            (_, _, _, None) => {}
        }
    }
    Ok((counted, rows))
}

/// Returns whether the sums of the shares and of the store are what the spaces have.
fn sums(meta: &Rows, shares: &Rows, total: u64, mut expected: BTreeMap<Vec<u8>, u64>) -> Result<bool, Error> {
    let stored = match meta.get(BYTES_KEY)? {
        Some(row) => whole(read_number(Area::Meta, BYTES_KEY, row.value()))?,
        None => Some(0),
    };
    let mut agrees = stored == Some(total);
    for row in shares.iter()? {
        let (holder, bytes) = row?;
        let bytes = whole(read_number(Area::Shares, holder.value(), bytes.value()))?;
        agrees &= bytes == Some(expected.remove(holder.value()).unwrap_or(0));
    }
    Ok(agrees && expected.is_empty())
}

/// Turns a damaged row into `None`. Other errors end the verification.
fn whole<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Error::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
