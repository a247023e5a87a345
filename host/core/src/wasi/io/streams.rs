//! `wasi:io/streams`: each function over every kind of stream. A blocking function waits, and then does what its sibling
//! does at once.

use wasmtime::component::{ComponentType, Lower, Resource, WasmList};
use wasmtime::{AsContextMut as _, StoreContextMut};

use super::kind::{Ended, Input, Output, WRITE};
use super::poll::{self, Wait, pollable};
use super::{IoError, error_handle, error_resource, too_many};
use crate::capability::{Interface, Registry, Transfer, moved};
use crate::error::HostError;
use crate::state::{GuestState, Stop};
use crate::wasi::{file, wasi};

/// `streams.input-stream`. Handle 0 is closed; the others are in [`super::Io`]'s table.
#[derive(Debug)]
pub(crate) struct InputStream;

/// `streams.output-stream`. Handle 1 is stdout, 2 stderr; the others are in [`super::Io`]'s table.
#[derive(Debug)]
pub(crate) struct OutputStream;

/// Maximum bytes of one read.
const READ: usize = 64 << 10;

#[derive(Debug, ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

impl Transfer for StreamError {}

type Stream<T> = Result<T, StreamError>;

/// Adds the resource `input-stream` to an interface that uses it.
pub(crate) fn input_resource(interface: &mut Interface<'_>) -> Result<(), HostError> {
    let free = |state: &mut GuestState, handle: Resource<InputStream>| free_input(state, handle.rep());
    interface.resource_with("input-stream", free).map(drop)
}

/// Adds the resource `output-stream` to an interface that uses it.
pub(crate) fn output_resource(interface: &mut Interface<'_>) -> Result<(), HostError> {
    let free = |state: &mut GuestState, handle: Resource<OutputStream>| free_output(state, handle.rep());
    interface.resource_with("output-stream", free).map(drop)
}

/// Frees a stream whose handle the guest gave away.
pub(crate) fn free_input(state: &mut GuestState, handle: u32) {
    if let Some(Input::File(file)) = state.wasi.io.inputs.remove(handle) {
        file::free(state, file.node);
    }
}

/// Frees a stream whose handle the guest gave away.
pub(crate) fn free_output(state: &mut GuestState, handle: u32) {
    if let Some(Output::File(file)) = state.wasi.io.outputs.remove(handle) {
        file::free(state, file.node);
    }
}

/// Makes an input stream. Fails the run if it has too many.
pub(crate) fn input_stream(state: &mut GuestState, input: Input) -> wasmtime::Result<Resource<InputStream>> {
    let handle = match input {
        Input::Closed => 0,
        Input::Source(_) | Input::File(_) => {
            let handle = state.wasi.io.inputs.add(input);
            handle.ok_or_else(|| too_many(state, "input streams"))?
        }
    };
    Ok(Resource::new_own(handle))
}

/// Makes an output stream. Fails the run if it has too many.
pub(crate) fn output_stream(
    state: &mut GuestState,
    output: Output,
) -> wasmtime::Result<Resource<OutputStream>> {
    let handle = state.wasi.io.outputs.add(output);
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "output streams"))?))
}

/// Turns what a stream returns into the guest's form: a failure becomes an `error`.
fn told<T>(state: &mut GuestState, result: Result<T, Ended>) -> wasmtime::Result<Stream<T>> {
    Ok(match result {
        Ok(value) => Ok(value),
        Err(Ended::Closed) => Err(StreamError::Closed),
        Err(Ended::NoMemory) => return Err(file::no_memory()),
        Err(Ended::Failed(failure)) => Err(StreamError::LastOperationFailed(error_handle(state, failure)?)),
    })
}

fn read(state: &mut GuestState, input: &Input, len: u64) -> Result<Vec<u8>, Ended> {
    input.read(state, usize::try_from(len).unwrap_or(READ).min(READ))
}

fn skip(
    mut store: StoreContextMut<'_, GuestState>,
    input: &Input,
    len: u64,
) -> wasmtime::Result<(Stream<u64>,)> {
    let skipped = read(store.data_mut(), input, len).map(|bytes| bytes.len() as u64);
    moved(&mut store, skipped.as_ref().map_or(0, |bytes| *bytes))?;
    Ok((told(store.data_mut(), skipped)?,))
}

fn link_input(streams: &mut Interface<'_>) -> Result<(), HostError> {
    streams
        .func("[method]input-stream.read", |mut store, (stream, len): (Resource<InputStream>, u64)| {
            let state = store.data_mut();
            let input = Input::of(state, stream.rep());
            let bytes = read(state, &input, len);
            Ok((told(state, bytes)?,))
        })?
        .func_async(
            "[method]input-stream.blocking-read",
            |state, (stream, len): (Resource<InputStream>, u64)| {
                let input = Input::of(state, stream.rep());
                let wait = Wait::until(state, &input.readable());
                async move {
                    wait.over().await;
                    (input, len)
                }
            },
            |state, (input, len)| {
                let bytes = read(state, &input, len);
                Ok((told(state, bytes)?,))
            },
        )?
        .func("[method]input-stream.skip", |mut store, (stream, len): (Resource<InputStream>, u64)| {
            let input = Input::of(store.data_mut(), stream.rep());
            skip(store, &input, len)
        })?
        .func_wait(
            "[method]input-stream.blocking-skip",
            |mut store, (stream, len): (Resource<InputStream>, u64)| {
                let input = Input::of(store.data_mut(), stream.rep());
                let wait = Wait::until(store.data_mut(), &input.readable());
                Ok(async move {
                    wait.over().await;
                    (input, len)
                })
            },
            |store, (input, len)| skip(store, &input, len),
        )?
        .func("[method]input-stream.subscribe", |mut store, (stream,): (Resource<InputStream>,)| {
            let ready = Input::of(store.data_mut(), stream.rep()).readable();
            Ok((pollable(store.data_mut(), ready)?,))
        })?;
    Ok(())
}

/// Refuses a write of more bytes than `check-write` permits.
fn check(state: &mut GuestState, bytes: u64, room: usize) -> wasmtime::Result<usize> {
    match usize::try_from(bytes) {
        Ok(bytes) if bytes <= room => Ok(bytes),
        _ => {
            let text = format!("{bytes} bytes written in one call; `check-write` permits {room}");
            Err(state.stop(Stop::Trap("write-too-large", text)))
        }
    }
}

/// Returns the bytes that a write may have now, if it may have so many. A closed stream takes any number and returns its
/// error.
fn check_now(state: &mut GuestState, output: &Output, bytes: u64) -> wasmtime::Result<Result<usize, Ended>> {
    match output.room(state) {
        Ok(room) => check(state, bytes, room).map(Ok),
        Err(ended) => Ok(Err(ended)),
    }
}

fn link_output(streams: &mut Interface<'_>) -> Result<(), HostError> {
    streams
        .func("[method]output-stream.subscribe", |mut store, (stream,): (Resource<OutputStream>,)| {
            let ready = Output::of(store.data_mut(), stream.rep()).writable(1);
            Ok((pollable(store.data_mut(), ready)?,))
        })?
        .func("[method]output-stream.check-write", |mut store, (stream,): (Resource<OutputStream>,)| {
            let state = store.data_mut();
            let room = Output::of(state, stream.rep()).room(state).map(|room| room as u64);
            Ok((told(state, room)?,))
        })?
        .func(
            "[method]output-stream.write",
            |mut store, (stream, contents): (Resource<OutputStream>, WasmList<u8>)| {
                let output = Output::of(store.data_mut(), stream.rep());
                let written = match check_now(store.data_mut(), &output, contents.len() as u64)? {
                    Ok(_) => output.write(store.as_context_mut(), &contents)?,
                    Err(ended) => Err(ended),
                };
                Ok((told(store.data_mut(), written)?,))
            },
        )?
        .func_wait(
            "[method]output-stream.blocking-write-and-flush",
            |mut store, (stream, contents): (Resource<OutputStream>, WasmList<u8>)| {
                let output = Output::of(store.data_mut(), stream.rep());
                let bytes = check(store.data_mut(), contents.len() as u64, WRITE)?;
                let wait = Wait::until(store.data_mut(), &output.writable(bytes));
                Ok(async move {
                    wait.over().await;
                    (output, contents)
                })
            },
            |mut store, (output, contents)| {
                let written = output.write(store.as_context_mut(), &contents)?;
                Ok((told(store.data_mut(), written)?,))
            },
        )?;
    for name in ["flush", "blocking-flush"] {
        let name = format!("[method]output-stream.{name}");
        // What is written is on its way: nothing is held back for a flush.
        streams.func(&name, |mut store, (stream,): (Resource<OutputStream>,)| {
            let state = store.data_mut();
            let flushed = Output::of(state, stream.rep()).room(state).map(drop);
            Ok((told(state, flushed)?,))
        })?;
    }
    link_zeroes(streams)?;
    link_splice(streams)
}

fn check_zeroes(
    state: &mut GuestState,
    output: &Output,
    bytes: u64,
) -> wasmtime::Result<Result<usize, Ended>> {
    match output.takes_any_zeroes() {
        true => Ok(Ok(usize::try_from(bytes).unwrap_or(usize::MAX))),
        false => check_now(state, output, bytes),
    }
}

fn link_zeroes(streams: &mut Interface<'_>) -> Result<(), HostError> {
    streams
        .func(
            "[method]output-stream.write-zeroes",
            |mut store, (stream, len): (Resource<OutputStream>, u64)| {
                let output = Output::of(store.data_mut(), stream.rep());
                let written = match check_zeroes(store.data_mut(), &output, len)? {
                    Ok(bytes) => output.write_zeroes(store.as_context_mut(), bytes)?,
                    Err(ended) => Err(ended),
                };
                Ok((told(store.data_mut(), written)?,))
            },
        )?
        .func_wait(
            "[method]output-stream.blocking-write-zeroes-and-flush",
            |mut store, (stream, len): (Resource<OutputStream>, u64)| {
                let output = Output::of(store.data_mut(), stream.rep());
                let bytes = match output.takes_any_zeroes() {
                    true => usize::try_from(len).unwrap_or(usize::MAX),
                    false => check(store.data_mut(), len, WRITE)?,
                };
                let wait = Wait::until(store.data_mut(), &output.writable(bytes));
                Ok(async move {
                    wait.over().await;
                    (output, bytes)
                })
            },
            |mut store, (output, bytes)| {
                let written = output.write_zeroes(store.as_context_mut(), bytes)?;
                Ok((told(store.data_mut(), written)?,))
            },
        )?;
    Ok(())
}

/// Moves what is there, as far as there is room for it.
fn splice(
    mut store: StoreContextMut<'_, GuestState>,
    output: &Output,
    input: &Input,
    len: u64,
) -> wasmtime::Result<(Stream<u64>,)> {
    let state = store.data_mut();
    let bytes = match output.room(state) {
        Ok(room) => read(state, input, len.min(room as u64)),
        Err(ended) => Err(ended),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(ended) => return Ok((told(state, Err(ended))?,)),
    };
    let len = bytes.len() as u64;
    moved(&mut store, len)?;
    let state = store.data_mut();
    let written = output.put(state, bytes).map(|()| len);
    Ok((told(state, written)?,))
}

fn link_splice(streams: &mut Interface<'_>) -> Result<(), HostError> {
    type Ends = (Resource<OutputStream>, Resource<InputStream>, u64);
    streams
        .func("[method]output-stream.splice", |mut store, (to, from, len): Ends| {
            let output = Output::of(store.data_mut(), to.rep());
            let input = Input::of(store.data_mut(), from.rep());
            splice(store, &output, &input, len)
        })?
        .func_wait(
            "[method]output-stream.blocking-splice",
            |mut store, (to, from, len): Ends| {
                let state = store.data_mut();
                let (output, input) = (Output::of(state, to.rep()), Input::of(state, from.rep()));
                // Room first: what was read must not wait for it.
                let room = Wait::until(state, &output.writable(1));
                let bytes = Wait::until(state, &input.readable());
                Ok(async move {
                    room.over().await;
                    bytes.over().await;
                    (output, input, len)
                })
            },
            |store, (output, input, len)| splice(store, &output, &input, len),
        )?;
    Ok(())
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    let mut streams = registry.interface(wasi!("io/streams"))?;
    error_resource(&mut streams, "error")?;
    poll::resource(&mut streams)?;
    input_resource(&mut streams)?;
    output_resource(&mut streams)?;
    link_input(&mut streams)?;
    link_output(&mut streams)
}
