//! Keeps spaces in a file: opens it, reads it, and hands writes to the thread that commits.

mod area;
mod rows;
mod seal;
mod verify;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use redb::{Builder, ConcurrencyMode, Database, DatabaseError, ReadTransaction, ReadableDatabase};
use tokio::sync::oneshot;

use crate::change::{Changed, Write};
use crate::data::{Entry, Options, Page, Stats};
use crate::error::Error;
use crate::lane::{Job, Lane};
use crate::quota::{Quotas, Usage};
use crate::row::Row;
use crate::verified::Verified;
use area::Area;

pub(crate) type Opener = Box<dyn Fn() -> Result<Database, Error> + Send + Sync>;

/// The file, open or failed. Only the thread that commits opens it again.
pub(crate) struct File {
    opener: Opener,
    slot: RwLock<Result<Database, Error>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").finish_non_exhaustive()
    }
}

impl File {
    /// Does something with the database, while nobody can close it.
    fn with<T>(&self, action: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, Error> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().map_err(Error::clone)?;
        guarded(|| action(database))
    }

    fn read<T>(&self, action: impl FnOnce(&ReadTransaction) -> Result<T, Error>) -> Result<T, Error> {
        self.with(|database| action(&database.begin_read()?))
    }

    fn is_open(&self) -> bool {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).is_ok()
    }

    /// Closes the database and opens it again. After an error of the disk it refuses everything until then.
    fn reopen(&self) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        // The first database must be gone before a second one can lock the file.
        *slot = Err(Error::Closed);
        *slot = guarded(&self.opener);
    }
}

/// Does something with a database. A damaged file can make the database panic: that must end neither the run that
/// reads, nor the thread that all writers wait for.
fn guarded<T>(action: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|_panic| {
        Err(redb::StorageError::Corrupted("the database panicked: its file is damaged".into()).into())
    })
}

/// The durable backend.
#[derive(Debug)]
pub(crate) struct Durable {
    file: Arc<File>,
    writer: writer::Writer,
}

impl Durable {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let (path, cache, shared) = (path.to_owned(), options.cache_bytes, options.shared);
        Self::with_opener(Box::new(move || open(&path, cache, shared)), options)
    }

    pub(crate) fn with_opener(opener: Opener, options: &Options) -> Result<Self, Error> {
        let slot = RwLock::new(Ok(guarded(&opener)?));
        let file = Arc::new(File { opener, slot });
        let writer = writer::Writer::start(file.clone(), options)?;
        Ok(Self { file, writer })
    }

    pub(crate) fn get(&self, space: &[u8], key: &str) -> Result<Option<Entry>, Error> {
        self.file.read(|read| {
            let values = read.open_table(Area::Values.table())?;
            rows::entry(&values, &read.open_table(Area::Heads.table())?, space, key)
        })
    }

    pub(crate) fn get_many(
        &self,
        space: &[u8],
        keys: &[&str],
        quotas: &Quotas,
    ) -> Result<Vec<Option<Entry>>, Error> {
        self.file.read(|read| {
            let values = read.open_table(Area::Values.table())?;
            let heads = read.open_table(Area::Heads.table())?;
            let mut bytes = 0usize;
            keys.iter()
                .map(|key| {
                    let entry = rows::entry(&values, &heads, space, key)?;
                    bytes = bytes.saturating_add(entry.as_ref().map_or(0, |entry| entry.value.len()));
                    // Reads no more than one value over the bound.
                    quotas.check_batch(keys.len(), bytes)?;
                    Ok(entry)
                })
                .collect()
        })
    }

    pub(crate) fn list(
        &self,
        space: &[u8],
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        self.file.read(|read| rows::list(&read.open_table(Area::Heads.table())?, space, prefix, after, limit))
    }

    pub(crate) fn usage(&self, space: &[u8]) -> Result<Usage, Error> {
        self.file.read(|read| rows::usage(&read.open_table(Area::Spaces.table())?, space))
    }

    pub(crate) fn spaces(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<(Vec<u8>, Usage)>, Error> {
        self.file.read(|read| rows::spaces(&read.open_table(Area::Spaces.table())?, after, limit))
    }

    pub(crate) fn total(&self) -> Result<u64, Error> {
        self.file.read(|read| rows::total(&read.open_table(Area::Meta.table())?))
    }

    /// Visits every row, or those of one space, as they were at one moment, while writes go on.
    pub(crate) fn each(
        &self,
        only: Option<&[u8]>,
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.file.read(|read| rows::each(read, only, visit))
    }

    pub(crate) fn verify(&self) -> Result<Verified, Error> {
        self.file.read(verify::verify)
    }

    pub(crate) async fn write(&self, lane: &Arc<Lane>, write: Write) -> Result<Vec<Changed>, Error> {
        let place = lane.place(write.bytes()).await?;
        let (answer, answered) = oneshot::channel();
        self.writer.queue(lane, Job { write, answer, _place: place });
        answered.await.map_err(|_dropped| Error::Closed)?
    }

    pub(crate) fn stats(&self) -> Stats {
        self.writer.stats()
    }
}

/// Opens or creates the file at `path`.
pub(crate) fn open(path: &Path, cache: usize, shared: bool) -> Result<Database, Error> {
    // Created here, because the database would create it for everybody to read.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::file(path, error))?;
    let mode = if shared { ConcurrencyMode::MultiWriter } else { ConcurrencyMode::ExclusiveWriter };
    let opened = Builder::new().set_cache_size(cache).set_concurrency_mode(mode).create(path);
    let database = opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => Error::InUse(path.to_owned()),
        error => error.into(),
    })?;
    prepare(&database, path)?;
    Ok(database)
}

/// Creates the tables of a new file, and refuses a file of another format.
pub(crate) fn prepare(database: &Database, path: &Path) -> Result<(), Error> {
    if let Some(found) = rows::format(database)? {
        return if found == rows::FORMAT.as_bytes() {
            Ok(())
        } else {
            let found = String::from_utf8_lossy(&found).into_owned();
            Err(Error::Format { path: path.to_owned(), found, expected: rows::FORMAT })
        };
    }
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    rows::create(&write)?;
    write.commit()?;
    // The name of the file must survive a crash as well.
    ringfence_files::sync_name(path).map_err(|error| Error::file(path, error))
}

/// A new file that takes the rows of a store.
pub(crate) struct Copy(Database);

impl Copy {
    /// Creates the tables in the empty file at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let database = Builder::new().set_cache_size(COPY_CACHE).create(path)?;
        prepare(&database, path)?;
        Ok(Self(database))
    }

    /// Writes all rows in one transaction, syncs and closes the file.
    pub(crate) fn fill(
        self,
        rows: impl FnOnce(&mut rows::Adder<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut write = self.0.begin_write()?;
        write.set_quick_repair(true);
        rows(&mut rows::Adder::open(&write)?)?;
        write.commit()?;
        Ok(self.0.close()?)
    }
}

/// Memory for a backup, in bytes. Pages that do not fit go to the file early.
const COPY_CACHE: usize = 16 << 20;

fn copied(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

#[cfg(test)]
mod tests;
