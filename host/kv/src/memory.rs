//! Keeps spaces in maps: the same semantics as the file, gone with the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::change::{Changed, Rows, Write, apply};
use crate::data::{Entry, Page};
use crate::error::{Error, Quota};
use crate::quota::Usage;
use crate::row::Row;
use crate::share::Room;
use crate::space::Space;

#[derive(Debug)]
pub(crate) struct Memory {
    spaces: Mutex<Spaces>,
    store: Arc<Whole>,
}

#[derive(Debug, Default)]
struct Spaces {
    cells: BTreeMap<Vec<u8>, Arc<Cell>>,
    /// Cells after the last sweep: the next one is due at twice as many.
    swept: usize,
}

/// Cells that are kept before those that nobody has written to are dropped.
const SWEEP: usize = 64;

/// The bytes of all spaces together.
#[derive(Debug)]
struct Whole {
    counts: Mutex<Counts>,
    room: Room,
}

#[derive(Debug, Default)]
struct Counts {
    total: u64,
    /// By holder; one without bytes has no row.
    shares: BTreeMap<Vec<u8>, u64>,
}

/// One space.
#[derive(Debug)]
pub(crate) struct Cell(Mutex<Table>);

#[derive(Debug)]
struct Table {
    store: Arc<Whole>,
    holder: Vec<u8>,
    usage: Usage,
    rows: BTreeMap<Box<str>, (u64, Bytes)>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code in these sections can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(crate) fn new(room: Room) -> Self {
        Self { spaces: Mutex::default(), store: Arc::new(Whole { counts: Mutex::default(), room }) }
    }

    pub(crate) fn total(&self) -> u64 {
        locked(&self.store.counts).total
    }

    pub(crate) fn cell(&self, space: &[u8]) -> Arc<Cell> {
        let mut spaces = locked(&self.spaces);
        if let Some(cell) = spaces.cells.get(space) {
            return cell.clone();
        }
        if spaces.cells.len() >= spaces.swept.saturating_mul(2).max(SWEEP) {
            // No new reference can appear while the map is locked.
            spaces.cells.retain(|_, cell| Arc::strong_count(cell) > 1 || cell.usage().revision > 0);
            spaces.swept = spaces.cells.len();
        }
        let store = self.store.clone();
        let holder = Space::holder(space).unwrap_or_default();
        let table = Table { store, holder, usage: Usage::default(), rows: BTreeMap::new() };
        let cell = Arc::new(Cell(Mutex::new(table)));
        spaces.cells.insert(space.to_vec(), cell.clone());
        cell
    }

    /// The spaces that were ever written, after one of them, in the order of their encodings.
    pub(crate) fn spaces(&self, after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, Usage)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let spaces = locked(&self.spaces);
        spaces
            .cells
            .range::<[u8], _>((start, Bound::Unbounded))
            .map(|(space, cell)| (space.clone(), cell.usage()))
            .filter(|(_, usage)| usage.revision > 0)
            .take(limit)
            .collect()
    }

    pub(crate) fn each(
        &self,
        only: Option<&[u8]>,
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let spaces: Vec<_> = locked(&self.spaces)
            .cells
            .iter()
            .filter(|(space, _)| only.is_none_or(|only| only == space.as_slice()))
            .map(|(space, cell)| (space.clone(), cell.clone()))
            .collect();
        for (space, cell) in spaces {
            // Copying a row copies no value: it holds a reference.
            let (usage, rows) = {
                let table = locked(&cell.0);
                (table.usage, table.rows.clone())
            };
            if usage.revision == 0 {
                continue;
            }
            visit(Row::Space { space: &space, usage })?;
            for (key, (revision, value)) in &rows {
                visit(Row::Entry { key, revision: *revision, value })?;
            }
        }
        Ok(())
    }
}

impl Cell {
    pub(crate) fn usage(&self) -> Usage {
        locked(&self.0).usage
    }

    pub(crate) fn get(&self, key: &str) -> Option<Entry> {
        let table = locked(&self.0);
        table.rows.get(key).map(|(revision, value)| Entry { value: value.clone(), revision: *revision })
    }

    pub(crate) fn get_many(&self, keys: &[&str]) -> Vec<Option<Entry>> {
        let table = locked(&self.0);
        keys.iter()
            .map(|key| {
                table
                    .rows
                    .get(*key)
                    .map(|(revision, value)| Entry { value: value.clone(), revision: *revision })
            })
            .collect()
    }

    pub(crate) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Page {
        let table = locked(&self.0);
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut found = table
            .rows
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix));
        let keys: Vec<String> = found.by_ref().take(limit).map(|key| key.to_string()).collect();
        let next = found.next().and_then(|_| keys.last().cloned());
        Page { keys, next }
    }

    pub(crate) fn write(&self, write: &Write) -> Result<Vec<Changed>, Error> {
        apply(&mut *locked(&self.0), write).and_then(std::convert::identity)
    }
}

impl Rows for Table {
    fn usage(&mut self) -> Result<Usage, Error> {
        Ok(self.usage)
    }

    fn head(&mut self, key: &str) -> Result<Option<(u64, u64)>, Error> {
        let row = self.rows.get(key);
        Ok(row.map(|(revision, value)| (*revision, u64::try_from(value.len()).unwrap_or(u64::MAX))))
    }

    fn value(&mut self, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.rows.get(key).map(|(_, value)| value.clone()))
    }

    fn put(&mut self, key: &str, revision: u64, value: &Bytes) -> Result<(), Error> {
        match self.rows.get_mut(key) {
            Some(row) => *row = (revision, value.clone()),
            None => {
                self.rows.insert(key.into(), (revision, value.clone()));
            }
        }
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Result<(), Error> {
        self.rows.remove(key);
        Ok(())
    }

    fn keep(&mut self, before: Usage, after: Usage, whole: bool) -> Result<Result<(), Quota>, Error> {
        let mut counts = locked(&self.store.counts);
        let share = counts.shares.get(&self.holder).copied().unwrap_or(0);
        let next = match self.store.room.step(counts.total, share, before, after, whole) {
            Ok(next) => next,
            Err(quota) => return Ok(Err(quota)),
        };
        counts.total = next.total;
        if next.share == 0 {
            counts.shares.remove(&self.holder);
        } else if let Some(share) = counts.shares.get_mut(&self.holder) {
            *share = next.share;
        } else {
            counts.shares.insert(self.holder.clone(), next.share);
        }
        self.usage = after;
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Action, Change, Expect};
    use crate::quota::Quotas;

    #[test]
    fn only_empty_spaces_are_forgotten() {
        let memory = Memory::new(Room::ENDLESS);
        let change = Change { key: "k".into(), action: Action::Set(Bytes::new()), expect: Expect::Any };
        let write = Write { changes: vec![change], floor: 0, quotas: Quotas::default() };
        memory.cell(b"written").write(&write).unwrap();
        let held = memory.cell(b"held");
        for index in 0..1000u32 {
            drop(memory.cell(&index.to_be_bytes()));
        }
        assert!(locked(&memory.spaces).cells.len() < 200);
        assert!(memory.cell(b"written").get("k").is_some());
        assert!(Arc::ptr_eq(&held, &memory.cell(b"held")));
    }
}
