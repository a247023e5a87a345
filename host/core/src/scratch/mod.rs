//! Scratch files: directories and files in the memory of one run, gone with it.
//!
//! Plain data. A path resolves inside the tree or not at all, there are no links, and nothing in this folder could
//! reach a file of the host. `tree.rs` has the operations, `contents.rs` the bytes of a file, and
//! `transfer.rs` brings files in and out. `wasi/filesystem` has the guest's handles.

mod caps;
mod contents;
mod path;
#[cfg(test)]
mod tests;
mod transfer;
mod tree;

use crate::limiter::Limiter;

pub use caps::ScratchCaps;
pub use transfer::ReturnedFile;
pub(crate) use transfer::{Brought, LISTING, Wanted, normal};
pub(crate) use tree::{How, NodeId, Stat, Tree};

/// Fuel for a unit of work that a call does not move: a block that is freed, an entry that is visited.
pub(crate) const WORK_FUEL: u64 = 32;

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The handle does not allow it.
    BadDescriptor,
    /// The entry must stay.
    Busy,
    /// The name is taken.
    Exists,
    /// An argument makes no sense.
    Invalid,
    /// The entry is a directory.
    IsDirectory,
    /// A name or a path is longer than its cap.
    NameTooLong,
    /// No entry has the name.
    NoEntry,
    /// A cap or the memory limit is reached.
    NoSpace,
    /// The entry is no directory.
    NotDirectory,
    /// The directory has entries.
    NotEmpty,
    /// The path leads out of the tree, or the tree has no such entries.
    NotPermitted,
    /// The host's own memory is exhausted. The run ends.
    Host,
}

/// The memory from which a tree takes its bytes.
pub(crate) trait Room {
    /// Takes bytes, or nothing.
    fn take(&mut self, bytes: u64) -> Result<(), Refusal>;

    /// Returns bytes that were taken.
    fn give(&mut self, bytes: u64);
}

impl Room for Limiter {
    fn take(&mut self, bytes: u64) -> Result<(), Refusal> {
        match self.take_scratch(bytes) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::NoSpace),
            Err(_) => Err(Refusal::Host),
        }
    }

    fn give(&mut self, bytes: u64) {
        self.give_scratch(bytes);
    }
}
