//! The store: opens a backend and hands out spaces.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::durable::Durable;
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::lane::Lanes;
use crate::memory::Memory;
use crate::quota::{Clock, Quotas, System, Usage};
use crate::row::Row;
use crate::share::Room;
use crate::space::Space;
use crate::verified::Verified;

/// Bytes of the keys and values of all spaces in a store that [`Store::memory`] returns: 256 MiB.
pub const MEMORY_BYTES: u64 = 256 << 20;

/// Options for opening a [`Store`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Memory for pages of the file, in bytes. Default: 16 MiB.
    pub cache_bytes: usize,
    /// Whether other processes can open the file at the same time. Default: `true`, so that `ringfence kv` works
    /// beside a server. `false` makes commits a little cheaper.
    pub shared: bool,
    /// Bytes of the keys and values of all spaces together. Writes that make a full store larger fail with
    /// [`Quota::StoreBytes`](crate::Quota::StoreBytes). Default: 4 GiB; set less for a store in memory.
    pub store_bytes: u64,
    /// Bytes of the keys and values of all spaces of one principal, or of one owner where principals share a space. So
    /// nobody fills the store for the others. Writes that make a full share larger fail with
    /// [`Quota::ShareBytes`](crate::Quota::ShareBytes). Default: 1 GiB.
    pub share_bytes: u64,
    /// Writes of one space that wait in the queue. Each 4 KiB of a write count as one more. Further writers wait
    /// outside of the queue. Default: 1,024.
    pub queue: u32,
    /// Writes of one transaction. Default: 4,096.
    pub group: usize,
    /// The clock of [`Quotas::writes_per_minute`]. Default: the monotonic clock of the system.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
            shared: true,
            store_bytes: 4 << 30,
            share_bytes: 1 << 30,
            queue: 1024,
            group: 4096,
            clock: System::shared(),
        }
    }
}

setters!(Options {
    with_cache_bytes(cache_bytes: usize);
    with_shared(shared: bool);
    with_store_bytes(store_bytes: u64);
    with_share_bytes(share_bytes: u64);
    with_queue(queue: u32);
    with_group(group: usize);
    with_clock(clock: Arc<dyn Clock>);
});

impl Options {
    pub(crate) fn room(&self) -> Room {
        Room { store_bytes: self.store_bytes, share_bytes: self.share_bytes }
    }
}

/// A value and its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// The revision that stored the value.
    pub revision: u64,
}

/// A part of a list of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The keys in the order of their bytes.
    pub keys: Vec<String>,
    /// The cursor of the next page, or `None` if this is the last one.
    pub next: Option<String>,
}

/// Counts of the work of a store since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Writes that were committed.
    pub writes: u64,
    /// Transactions that were committed. Each syncs the file.
    pub commits: u64,
    /// Transactions that the disk or the database failed.
    pub failures: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(Arc<Memory>),
    Durable(Arc<Durable>),
}

/// A key-value store. Clones share it; the last one to be dropped closes it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) backend: Backend,
    pub(crate) lanes: Arc<Lanes>,
}

impl Store {
    /// Returns an empty store in memory that holds up to [`MEMORY_BYTES`] of keys and values, a quarter of it for one
    /// principal or owner.
    pub fn memory() -> Self {
        let options = Options::default().with_store_bytes(MEMORY_BYTES);
        Self::memory_with(&options.with_share_bytes(MEMORY_BYTES / 4))
    }

    /// Returns an empty store in memory. It uses only the options `store_bytes`, `share_bytes` and
    /// `clock`.
    pub fn memory_with(options: &Options) -> Self {
        let memory = Memory::new(options.room());
        Self { backend: Backend::Memory(Arc::new(memory)), lanes: Arc::new(Lanes::new(options)) }
    }

    /// Opens the file at `path`, or the file `kv.redb` if `path` is a directory. Creates the file if there is none.
    ///
    /// Opening reads the disk, so call it from a thread that can wait. It also starts the thread that commits.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], [`Error::Format`], [`Error::File`] or [`Error::Storage`].
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = if path.is_dir() { path.join("kv.redb") } else { path.to_owned() };
        let durable = Durable::open(&file, options)?;
        Ok(Self { backend: Backend::Durable(Arc::new(durable)), lanes: Arc::new(Lanes::new(options)) })
    }

    /// Returns access to one space under `quotas`.
    ///
    /// The count of writes in a minute belongs to the space: all keyspaces of one space and store share it.
    pub fn keyspace(&self, space: &Space, quotas: Quotas) -> Keyspace {
        Keyspace::new(self, space, quotas)
    }

    /// Lists spaces that were ever written, after `after`, at most `limit`.
    ///
    /// It reads the disk on the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub fn spaces(&self, after: Option<&Space>, limit: usize) -> Result<Vec<(Space, Usage)>, Error> {
        let after = after.map(Space::encode);
        let found = match &self.backend {
            Backend::Memory(memory) => memory.spaces(after.as_deref(), limit),
            Backend::Durable(durable) => durable.spaces(after.as_deref(), limit)?,
        };
        Ok(found.into_iter().filter_map(|(space, usage)| Some((Space::decode(&space)?, usage))).collect())
    }

    /// Visits every row, or those of one space, as they were at one moment.
    pub(crate) fn each(
        &self,
        only: Option<&[u8]>,
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &self.backend {
            Backend::Memory(memory) => memory.each(only, visit),
            Backend::Durable(durable) => durable.each(only, visit),
        }
    }

    /// Returns the bytes of the keys and values of all spaces together.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub fn total_bytes(&self) -> Result<u64, Error> {
        match &self.backend {
            Backend::Memory(memory) => Ok(memory.total()),
            Backend::Durable(durable) => durable.total(),
        }
    }

    /// Reads every row and compares it with its checksum, and the counts of spaces, of shares and of the store with what
    /// they count. The content is that of one moment; writes go on meanwhile. A store in memory has no damage.
    ///
    /// It reads the whole file, so call it from a thread that can wait.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the database itself cannot read its pages.
    pub fn verify(&self) -> Result<Verified, Error> {
        match &self.backend {
            Backend::Durable(durable) => durable.verify(),
            Backend::Memory(memory) => {
                let mut verified = Verified::default();
                memory.each(None, &mut |row| {
                    verified.moved.count(&row);
                    Ok(())
                })?;
                Ok(verified)
            }
        }
    }

    /// Returns what the store did since it was opened. A store in memory counts nothing.
    pub fn stats(&self) -> Stats {
        match &self.backend {
            Backend::Memory(_) => Stats::default(),
            Backend::Durable(durable) => durable.stats(),
        }
    }
}
