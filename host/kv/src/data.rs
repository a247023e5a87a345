//! The values that a store takes and returns: options, entries, pages and counts.

use std::sync::Arc;

use bytes::Bytes;

use crate::quota::{Clock, System, Usage};
use crate::share::Room;
use crate::space::Space;

/// Bytes of the keys and values of all spaces in a store that [`Store::memory`](crate::Store::memory) returns: 256 MiB.
pub const MEMORY_BYTES: u64 = 256 << 20;

/// Options for opening a [`Store`](crate::Store).
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
    /// The clock of [`Quotas::writes_per_minute`](crate::Quotas::writes_per_minute). Default: the monotonic clock of the system.
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

ringfence_setters::setters!(Options {
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

/// A space and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpaceUsage {
    /// The space.
    pub space: Space,
    /// Its keys and bytes.
    pub usage: Usage,
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
