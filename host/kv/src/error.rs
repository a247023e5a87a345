//! Says why an operation failed, in variants that callers match.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The quota that a write would have exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Quota {
    /// The number of keys in the space.
    #[error("the space can hold {limit} keys; delete keys or raise `keys` of the grant")]
    Keys {
        /// [`Quotas::keys`](crate::Quotas::keys).
        limit: u64,
    },
    /// The bytes of all keys and values in the space.
    #[error("the space can hold {limit} bytes; delete keys or raise `bytes` of the grant")]
    TotalBytes {
        /// [`Quotas::total_bytes`](crate::Quotas::total_bytes).
        limit: u64,
    },
    /// The bytes of all spaces together.
    #[error("the key-value store holds {limit} bytes at most and is full; ask the operator for room")]
    StoreBytes {
        /// [`Options::store_bytes`](crate::Options::store_bytes).
        limit: u64,
    },
    /// The bytes of all spaces of one principal, or of one owner where principals share the space.
    #[error(
        "the spaces of one principal or owner can hold {limit} bytes; delete keys or ask the operator for room"
    )]
    ShareBytes {
        /// [`Options::share_bytes`](crate::Options::share_bytes).
        limit: u64,
    },
    /// The writes in a minute.
    #[error("the space allows {limit} writes a minute; {}", again(.retry_after))]
    WritesPerMinute {
        /// [`Quotas::writes_per_minute`](crate::Quotas::writes_per_minute).
        limit: u32,
        /// When the same write can pass. `None` if it never can, because the batch is larger than the quota.
        retry_after: Option<Duration>,
    },
}

/// A failed operation. It has changed nothing. Only after [`Error::Storage`] and [`Error::Closed`] a write may have
/// happened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is not in the state that the write expected.
    #[error("the key has {}; read it again and repeat the write", shown(.current))]
    Conflict {
        /// The revision that the key has, or `None` if it does not exist.
        current: Option<u64>,
    },
    /// The write would exceed a quota of the space.
    #[error("quota exceeded: {0}")]
    QuotaExceeded(Quota),
    /// The key is longer than [`Quotas::key_bytes`](crate::Quotas::key_bytes).
    #[error("key of {length} bytes; the limit is {limit}; use a shorter key")]
    KeyTooLong {
        /// The length of the key in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The value is larger than [`Quotas::value_bytes`](crate::Quotas::value_bytes).
    #[error("value of {size} bytes; the limit is {limit}; split the value")]
    ValueTooLarge {
        /// The size of the value in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A batch has too many keys or moves too many bytes.
    #[error("batch too large; the limits are {keys} keys and {bytes} bytes; split the batch")]
    BatchTooLarge {
        /// [`Quotas::batch_keys`](crate::Quotas::batch_keys).
        keys: usize,
        /// [`Quotas::batch_bytes`](crate::Quotas::batch_bytes).
        bytes: usize,
    },
    /// [`increment`](crate::Keyspace::increment) found a value that is not a decimal number of 64 bits.
    #[error("the value is not a decimal number of 64 bits; set it to a number first")]
    NotANumber,
    /// The sum of [`increment`](crate::Keyspace::increment) does not fit into 64 bits.
    #[error("the sum does not fit into 64 bits; the value is unchanged")]
    Overflow,
    /// A part of a [`Space`](crate::Space) is too long.
    #[error("part of a space of {length} bytes; the limit is {limit}; use a shorter name")]
    SpaceNameTooLong {
        /// The length of the part in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The store is shutting down. The write may or may not have been made.
    #[error("the key-value store is closed; open it again")]
    Closed,
    /// Another process holds the file, and one of the two does not share it.
    #[error("{} is in use by another process; stop that process or open both as shared", .0.display())]
    InUse(PathBuf),
    /// The file was written by another version of Ringfence.
    #[error("{} has format {found:?}; this version reads {expected:?}; use the version that wrote it", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that the file names.
        found: String,
        /// The format that this version reads.
        expected: &'static str,
    },
    /// A row of the file is not what was written, or is missing.
    #[error(
        "the key-value store is damaged: a row of table `{table}` is not what was written; run `ringfence kv verify`, and restore a backup"
    )]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The disk or the database failed. The source says how.
    #[error("the key-value store failed: {0}; check the file and the space on its disk")]
    Storage(#[source] Arc<redb::Error>),
    /// There is a file where a backup should be written.
    #[error("{} exists; remove it or name another file", .0.display())]
    Exists(PathBuf),
    /// A line of an import is wrong.
    #[error("line {line} of the import: {why}; export again or correct the line")]
    Import {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The output of an export or the input of an import failed.
    #[error("cannot read or write the export: {0}; check the file and the space on its disk")]
    Transfer(#[source] Arc<std::io::Error>),
    /// A file beside the database could not be read or written.
    #[error("cannot use {}: {source}; check its directory and its permissions", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: Arc<std::io::Error>,
    },
}

fn again(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!("write again in {wait:?} or later"),
        None => "make the batch smaller".into(),
    }
}

impl Error {
    /// Returns whether the disk, or the user's quota on it, is full.
    pub fn is_disk_full(&self) -> bool {
        let error = match self {
            Self::Storage(error) => match &**error {
                redb::Error::Io(error) => error,
                _ => return false,
            },
            Self::Transfer(error) => &**error,
            Self::File { source, .. } => &**source,
            _ => return false,
        };
        matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
        )
    }
}

fn shown(current: &Option<u64>) -> String {
    match current {
        Some(revision) => format!("revision {revision}"),
        None => "no value".into(),
    }
}

impl Error {
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn transfer(source: std::io::Error) -> Self {
        Self::Transfer(Arc::new(source))
    }
}

macro_rules! storage {
    ($($from:ty),*) => {$(
        impl From<$from> for Error {
            fn from(error: $from) -> Self {
                Self::Storage(Arc::new(redb::Error::from(error)))
            }
        }
    )*};
}

storage!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError
);
