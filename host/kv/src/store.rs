//! The store: opens a backend and hands out spaces.

use std::path::Path;
use std::sync::Arc;

use crate::backend::Backend;
use crate::data::{MEMORY_BYTES, Options, SpaceUsage, Stats};
use crate::durable::Durable;
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::lane::Lanes;
use crate::memory::Memory;
use crate::quota::{Quotas, Usage};
use crate::row::Row;
use crate::space::Space;
use crate::verified::Verified;

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
        Keyspace::new(&self.backend, &self.lanes, space, quotas)
    }

    /// Lists spaces that were ever written, after `after`, at most `limit`.
    ///
    /// It reads the disk on the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub fn spaces(&self, after: Option<&Space>, limit: usize) -> Result<Vec<SpaceUsage>, Error> {
        let after = after.map(Space::encode);
        let found = match &self.backend {
            Backend::Memory(memory) => memory.spaces(after.as_deref(), limit),
            Backend::Durable(durable) => durable.spaces(after.as_deref(), limit)?,
        };
        let listed =
            |(space, usage): (Vec<u8>, Usage)| Some(SpaceUsage { space: Space::decode(&space)?, usage });
        Ok(found.into_iter().filter_map(listed).collect())
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
