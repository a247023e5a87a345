//! The scratch files of a run, what its guest holds open, and how each operation on them is counted.

mod code;
mod streams;

use std::time::Duration;

use super::Wasi;
use super::table::Table;
use crate::grants::{Capability, Spent};
use crate::limiter::Limiter;
use crate::scratch::{NodeId, Refusal, ScratchCaps, Tree, WORK_FUEL};
use crate::state::{GuestState, RunState};
pub(crate) use code::ErrorCode;
pub(in crate::wasi) use streams::{Broken, FileIn, FileOut};

/// The scratch files of a run, and what its guest holds open.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) tree: Tree,
    pub(in crate::wasi) open: Table<Open>,
    pub(in crate::wasi) listings: Table<Listing>,
}

impl Files {
    /// Makes an empty tree. `now` is the time since 1970.
    pub(crate) fn new(caps: ScratchCaps, now: Duration) -> Self {
        Self { tree: Tree::new(caps, now), open: Table::default(), listings: Table::default() }
    }
}

/// An open file or directory.
#[derive(Debug, Clone, Copy)]
pub(in crate::wasi) struct Open {
    pub(in crate::wasi) node: NodeId,
    /// Whether the guest may read a file, or list a directory.
    pub(in crate::wasi) read: bool,
    /// Whether the guest may change a file.
    pub(in crate::wasi) write: bool,
}

/// A listing of a directory, and the name that it returned last.
#[derive(Debug)]
pub(in crate::wasi) struct Listing {
    pub(in crate::wasi) node: NodeId,
    pub(in crate::wasi) last: Option<Box<str>>,
}

pub(in crate::wasi) type Answer<T> = Result<T, ErrorCode>;

/// The files of a run, and what operations on them need.
pub(in crate::wasi) struct Desk<'a> {
    pub(in crate::wasi) files: &'a mut Files,
    pub(in crate::wasi) room: &'a mut Limiter,
    wasi: &'a mut Wasi,
}

impl Desk<'_> {
    pub(in crate::wasi) fn now(&mut self) -> Duration {
        self.wasi.now()
    }

    pub(in crate::wasi) fn open(&self, descriptor: u32) -> Result<Open, Refusal> {
        self.files.open.get(descriptor).copied().ok_or(Refusal::BadDescriptor)
    }

    /// Returns a file that the guest may read.
    pub(in crate::wasi) fn readable(&self, descriptor: u32) -> Result<NodeId, Refusal> {
        let open = self.file(descriptor)?;
        if open.read { Ok(open.node) } else { Err(Refusal::BadDescriptor) }
    }

    /// Returns a file that the guest may change.
    pub(in crate::wasi) fn writable(&self, descriptor: u32) -> Result<NodeId, Refusal> {
        let open = self.file(descriptor)?;
        if open.write { Ok(open.node) } else { Err(Refusal::BadDescriptor) }
    }

    pub(in crate::wasi) fn file(&self, descriptor: u32) -> Result<Open, Refusal> {
        let open = self.open(descriptor)?;
        if self.files.tree.is_directory(open.node) { Err(Refusal::IsDirectory) } else { Ok(open) }
    }

    pub(in crate::wasi) fn directory(&self, descriptor: u32) -> Result<NodeId, Refusal> {
        let open = self.open(descriptor)?;
        if self.files.tree.is_directory(open.node) { Ok(open.node) } else { Err(Refusal::NotDirectory) }
    }
}

/// Runs an operation on the files of the run, and counts it with the bytes that it takes from the guest.
pub(in crate::wasi) fn operate<T>(
    state: &mut GuestState,
    sent: usize,
    f: impl FnOnce(&mut Desk<'_>) -> Result<T, Refusal>,
) -> wasmtime::Result<Answer<T>> {
    state.spend(Capability::Scratch, Spent { calls: 1, sent: sent as u64, ..Spent::default() });
    let RunState { scratch, limiter, wasi, owed_fuel, .. } = &mut **state;
    // A handle comes from a tree only.
    let Some(files) = scratch else { return Ok(Err(ErrorCode::NotPermitted)) };
    let mut desk = Desk { files, room: limiter, wasi };
    let result = f(&mut desk);
    let work = desk.files.tree.take_work();
    *owed_fuel = owed_fuel.saturating_add(work.saturating_mul(WORK_FUEL));
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(refusal) => ErrorCode::of(refusal).map(Err).ok_or_else(no_memory),
    }
}

/// Counts bytes that the guest receives.
pub(in crate::wasi) fn received(state: &mut GuestState, bytes: usize) {
    state.spend(Capability::Scratch, Spent { received: bytes as u64, ..Spent::default() });
}

/// Ends the run: see [`Limiter`].
pub(in crate::wasi) fn no_memory() -> wasmtime::Error {
    wasmtime::Error::msg("the host's memory budget is exhausted")
}

/// Ends the hold of a handle that is dropped.
pub(in crate::wasi) fn let_go(state: &mut GuestState, close: impl FnOnce(&mut Files) -> Option<NodeId>) {
    let RunState { scratch, limiter, owed_fuel, .. } = &mut **state;
    if let Some(files) = scratch
        && let Some(node) = close(files)
    {
        files.tree.release(node, limiter);
        *owed_fuel = owed_fuel.saturating_add(files.tree.take_work().saturating_mul(WORK_FUEL));
    }
}

/// Ends the hold of a stream that is dropped.
pub(in crate::wasi) fn free(state: &mut GuestState, node: NodeId) {
    let_go(state, |_| Some(node));
}
