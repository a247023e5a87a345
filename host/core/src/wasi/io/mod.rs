//! `wasi:io`: what a guest waits for, reads from and writes to.
//!
//! - [`poll`]: a pollable is ready, waits for a time, or waits for the host.
//! - [`tasks`]: what the host does for the run meanwhile. Every wait in `wasi:io` drives all of it.
//! - [`kind`]: the kinds of streams, and what each does. [`streams`]: the functions over them.
//! - [`lines`]: standard output and error, which go to the log.
//! - [`super::table`]: handles of a run, at most 1,000 of each sort. At the cap the run traps (`too-many-handles`).
//!
//! A run that uses none of it allocates nothing.
//!
//! # A further kind of stream
//!
//! A stream of another kind, a file of a scratch tree for example, is one more variant of [`Input`] or [`Output`] in
//! `kind.rs`. Add an arm to each `match` there:
//!
//! - `readable` and `writable` return [`Ready::Now`] for a kind that never waits;
//! - `read`, `put`, `write` and `write_zeroes` get the state of the run, so a variant can hold an index and an offset
//!   rather than the file. A variant that advances needs interior state, such as an `Arc<AtomicU64>`, because an
//!   [`Input`] is cloned out of its table for each call;
//! - an error of its own is one more variant of [`Failure`], with its text.
//!
//! Make the handle with [`input_stream`] or [`output_stream`]. An interface that names the resources of this one calls
//! [`input_resource`], [`output_resource`], [`pollable_resource`] and [`error_resource`], so that dropping a handle
//! frees its place wherever the guest got it from.

mod kind;
mod lines;
mod poll;
mod streams;
mod tasks;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::http_error::ErrorCode;
use super::table::Table;
use super::wasi;
use crate::capability::{Interface, Registry};
use crate::error::HostError;
use crate::limits::HANDLES;
use crate::report::Source as LogSource;
use crate::state::{GuestState, Stop};
pub(crate) use kind::{Ended, Input, Output, Sink, Source};
pub(crate) use lines::Line;
use lines::LineBuffer;
pub(crate) use poll::{Condition, Pollable, Ready, Timer, pollable};
pub(crate) use poll::{free as free_pollable, resource as pollable_resource};
pub(crate) use streams::{
    InputStream, OutputStream, free_input, free_output, input_resource, input_stream, output_resource,
    output_stream,
};
pub(crate) use tasks::{TaskId, Tasks, pass};

pub(super) const STDOUT: u32 = 1;
pub(super) const STDERR: u32 = 2;

/// `error.error`: why an operation on a stream failed.
#[derive(Debug)]
pub(crate) struct IoError;

/// Why an operation on a stream failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// HTTP failed.
    #[error("{0}")]
    Http(ErrorCode),
    /// An operation on a scratch file failed.
    #[error("{0}")]
    File(super::file::ErrorCode),
}

/// `wasi:io`'s part of a run's state.
#[derive(Debug)]
pub(crate) struct Io {
    pollables: Table<Ready>,
    inputs: Table<Input>,
    outputs: Table<Output>,
    errors: Table<Failure>,
    tasks: Option<Arc<Tasks>>,
    stdout: LineBuffer,
    stderr: LineBuffer,
}

impl Default for Io {
    fn default() -> Self {
        Self {
            pollables: Table::default(),
            inputs: Table::default(),
            outputs: Table::default(),
            errors: Table::default(),
            tasks: None,
            stdout: LineBuffer::new(LogSource::Stdout),
            stderr: LineBuffer::new(LogSource::Stderr),
        }
    }
}

impl Io {
    /// Returns the tasks of the run.
    pub(crate) fn tasks(&mut self) -> Arc<Tasks> {
        Arc::clone(self.tasks.get_or_insert_default())
    }

    /// Returns the failure of an `error`.
    pub(crate) fn failure(&self, error: &Resource<IoError>) -> Option<&Failure> {
        self.errors.get(error.rep())
    }

    /// Takes the unfinished last lines of stdout and stderr.
    pub(super) fn take_rest(&mut self) -> [Option<Line>; 2] {
        [self.stdout.take(), self.stderr.take()]
    }
}

/// Ends the run because it has too many handles.
pub(crate) fn too_many(state: &mut GuestState, what: &str) -> wasmtime::Error {
    let text = format!("more than {HANDLES} {what} at once; drop those that are done");
    state.stop(Stop::Trap("too-many-handles", text))
}

/// Makes an `error`. Fails the run if it has too many.
fn error_handle(state: &mut GuestState, failure: Failure) -> wasmtime::Result<Resource<IoError>> {
    let handle = state.wasi.io.errors.add(failure);
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "errors"))?))
}

/// Adds the resource of errors to an interface that uses it, under the name that it has there.
pub(crate) fn error_resource(interface: &mut Interface<'_>, name: &str) -> Result<(), HostError> {
    interface.resource_with::<IoError>(name, |state, error| free_error(state, error.rep())).map(drop)
}

/// Frees an `error` whose handle the guest gave away.
pub(crate) fn free_error(state: &mut GuestState, handle: u32) {
    state.wasi.io.errors.remove(handle);
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    let mut error = registry.interface(wasi!("io/error"))?;
    error_resource(&mut error, "error")?;
    error.func("[method]error.to-debug-string", |store, (error,): (Resource<IoError>,)| {
        Ok((store.data().wasi.io.failure(&error).map_or_else(String::new, ToString::to_string),))
    })?;
    poll::link(registry)?;
    streams::link(registry)
}
