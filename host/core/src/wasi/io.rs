//! `wasi:io`: pollables that are ready or wait for a time, a closed stdin, and outputs that go to the log.

use std::time::{Duration, Instant};

use wasmtime::component::{ComponentType, Lower, Resource, WasmList};
use wasmtime::{AsContext, StoreContextMut};

use super::{Wasi, wasi};
use crate::capability::{Registry, Transfer, moved};
use crate::error::HostError;
use crate::limits::LOG_LINE_BYTES;
use crate::report::{Level, Source};
use crate::state::{GuestState, Stop};

/// Maximum number of a run's timers: its maximum number of handles.
const TIMERS: usize = 1_000;

/// Maximum bytes of one write, as `check-write` returns them. More is a trap, by the interface.
const WRITE: u64 = 64 << 10;

/// `poll.pollable`. Handle 0 is always ready, the others are timers.
#[derive(Debug)]
pub(crate) struct Pollable;

/// `streams.input-stream`: closed.
#[derive(Debug)]
pub(crate) struct InputStream;

/// `streams.output-stream`. Handle 1 is stdout, 2 stderr.
#[derive(Debug)]
pub(crate) struct OutputStream;

/// `error.error`, which nothing can make.
#[derive(Debug)]
pub(crate) struct IoError;

pub(super) const STDOUT: u32 = 1;
pub(super) const STDERR: u32 = 2;

#[derive(Debug, ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "part of the interface; no operation fails here")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

impl Transfer for StreamError {}

/// The timers of a run.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<Option<Timer>>);

#[derive(Debug, Clone, Copy)]
struct Timer {
    /// Time on the run's clock.
    at: Duration,
    /// Time on the host's clock; none for now.
    ready: Option<Instant>,
}

impl Timers {
    pub(super) fn add(&mut self, at: Duration, ready: Option<Instant>) -> Option<Resource<Pollable>> {
        let free = self.0.iter().position(Option::is_none);
        let index = match free {
            Some(index) => index,
            None if self.0.len() < TIMERS => {
                self.0.push(None);
                self.0.len().saturating_sub(1)
            }
            None => return None,
        };
        *self.0.get_mut(index)? = Some(Timer { at, ready });
        Some(Resource::new_own(u32::try_from(index).ok()?.saturating_add(1)))
    }

    fn remove(&mut self, handle: u32) {
        if let Some(slot) = (handle as usize).checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            *slot = None;
        }
    }

    fn get(&self, handle: u32) -> Option<Timer> {
        self.0.get((handle as usize).checked_sub(1)?).copied().flatten()
    }
}

impl Wasi {
    /// Returns when a pollable is ready; none for now.
    fn ready(&self, handle: u32, now: Instant) -> Option<Instant> {
        self.timers.get(handle).and_then(|timer| timer.ready).filter(|ready| *ready > now)
    }

    /// Advances a fixed clock to the end of the wait.
    fn reach(&mut self, handle: u32) {
        if let Some(timer) = self.timers.get(handle) {
            self.clock.reach(timer.at);
        }
    }
}

/// The text of stdout or stderr up to its next line break.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    source: Source,
    bytes: Vec<u8>,
    /// Whether the line is longer than the log keeps.
    cut: bool,
}

impl LineBuffer {
    pub(super) fn new(source: Source) -> Self {
        Self { source, bytes: Vec::new(), cut: false }
    }

    /// Takes the line so far, if any, and empties the buffer.
    pub(super) fn take(&mut self) -> Option<Line> {
        (!self.bytes.is_empty()).then(|| self.end())
    }

    /// Takes the line so far at a line break.
    fn end(&mut self) -> Line {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        self.bytes.clear();
        Line { source: self.source, text, cut: std::mem::take(&mut self.cut) }
    }
}

/// A printed line.
#[derive(Debug)]
pub(crate) struct Line {
    source: Source,
    text: String,
    cut: bool,
}

impl Line {
    pub(crate) fn log(&self, state: &mut GuestState) {
        let level = match self.source {
            Source::Stderr => Level::Warn,
            Source::Stdout | Source::Log => Level::Info,
        };
        state.log(level, self.source, &self.text, self.cut);
    }
}

/// Appends printed text to the log, a line at a time.
fn print(state: &mut GuestState, stream: u32, bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let buffer = if stream == STDERR { &mut state.wasi.stderr } else { &mut state.wasi.stdout };
        let room = LOG_LINE_BYTES.saturating_sub(buffer.bytes.len()).min(line.len());
        buffer.bytes.extend_from_slice(line.get(..room).unwrap_or_default());
        buffer.cut |= line.len() > room;
        // What comes before another piece was ended by a line break.
        if lines.peek().is_some() {
            let line = buffer.end();
            line.log(state);
        }
    }
}

/// Reads printed text in place, part by part, so that it copies nothing large.
fn write(
    mut store: StoreContextMut<'_, GuestState>,
    stream: u32,
    contents: &WasmList<u8>,
) -> wasmtime::Result<()> {
    const PIECE: usize = 4096;
    if contents.len() as u64 > WRITE {
        let text = format!("{} bytes written in one call; `check-write` permits {WRITE}", contents.len());
        return Err(store.data_mut().stop(Stop::Trap("write-too-large", text)));
    }
    moved(&mut store, contents.len() as u64)?;
    let mut piece = [0_u8; PIECE];
    let mut at = 0;
    loop {
        let all = contents.as_le_slice(store.as_context());
        let rest = all.get(at..).unwrap_or_default();
        let len = rest.len().min(PIECE);
        if len == 0 {
            return Ok(());
        }
        let (Some(target), Some(source)) = (piece.get_mut(..len), rest.get(..len)) else { return Ok(()) };
        target.copy_from_slice(source);
        at = at.saturating_add(len);
        print(store.data_mut(), stream, piece.get(..len).unwrap_or_default());
    }
}

type Stream<T> = Result<T, StreamError>;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface(wasi!("io/error"))?
        .resource::<IoError>("error")?
        .func("[method]error.to-debug-string", |_, (_,): (Resource<IoError>,)| Ok((String::new(),)))?;
    registry
        .interface(wasi!("io/poll"))?
        .resource_with::<Pollable>("pollable", |state, handle| state.wasi.timers.remove(handle.rep()))?
        .func("[method]pollable.ready", |store, (pollable,): (Resource<Pollable>,)| {
            Ok((store.data().wasi.ready(pollable.rep(), Instant::now()).is_none(),))
        })?
        .func_async(
            "[method]pollable.block",
            |state, (pollable,): (Resource<Pollable>,)| {
                let until = state.wasi.ready(pollable.rep(), Instant::now());
                async move {
                    wait(until).await;
                    pollable.rep()
                }
            },
            |state, handle| {
                state.wasi.reach(handle);
                Ok(())
            },
        )?
        .func_async(
            "poll",
            |state, (pollables,): (Vec<Resource<Pollable>>,)| {
                let now = Instant::now();
                // One that is ready now ends the wait before it begins.
                let ready: Vec<_> = pollables.iter().map(|p| state.wasi.ready(p.rep(), now)).collect();
                let until =
                    if ready.iter().any(Option::is_none) { None } else { ready.into_iter().flatten().min() };
                let handles: Vec<u32> = pollables.iter().map(Resource::rep).collect();
                async move {
                    wait(until).await;
                    handles
                }
            },
            |state, handles| {
                if handles.is_empty() {
                    return Err(
                        state.stop(Stop::Trap("empty-poll", "`poll` was called with an empty list".into()))
                    );
                }
                let now = Instant::now();
                let mut ready = Vec::new();
                for (index, handle) in (0_u32..).zip(&handles) {
                    if state.wasi.ready(*handle, now).is_none() {
                        ready.push(index);
                    }
                }
                state.wasi.reach_first(&handles, &ready);
                Ok((ready,))
            },
        )?;
    link_streams(registry)
}

impl Wasi {
    /// With a fixed clock everything is ready at once. The clock advances to the earliest timer, and the guest sees
    /// only the pollables ready by then.
    fn reach_first(&mut self, handles: &[u32], ready: &[u32]) {
        let first = ready
            .iter()
            .filter_map(|index| self.timers.get(*handles.get(*index as usize)?))
            .map(|timer| timer.at)
            .min();
        if let Some(at) = first {
            self.clock.reach(at);
        }
    }
}

async fn wait(until: Option<Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until.into()).await;
    }
}

fn link_streams(registry: &mut Registry) -> Result<(), HostError> {
    let mut streams = registry.interface(wasi!("io/streams"))?;
    streams
        .resource::<IoError>("error")?
        .resource::<Pollable>("pollable")?
        .resource::<InputStream>("input-stream")?
        .resource::<OutputStream>("output-stream")?;
    for name in ["read", "blocking-read"] {
        let name = format!("[method]input-stream.{name}");
        streams.func(&name, |_, (_, _): (Resource<InputStream>, u64)| {
            Ok((Stream::<Vec<u8>>::Err(StreamError::Closed),))
        })?;
    }
    for name in ["skip", "blocking-skip"] {
        let name = format!("[method]input-stream.{name}");
        streams.func(&name, |_, (_, _): (Resource<InputStream>, u64)| {
            Ok((Stream::<u64>::Err(StreamError::Closed),))
        })?;
    }
    streams
        .func("[method]input-stream.subscribe", |_, (_,): (Resource<InputStream>,)| {
            Ok((Resource::<Pollable>::new_own(0),))
        })?
        .func("[method]output-stream.subscribe", |_, (_,): (Resource<OutputStream>,)| {
            Ok((Resource::<Pollable>::new_own(0),))
        })?
        .func("[method]output-stream.check-write", |_, (_,): (Resource<OutputStream>,)| {
            Ok((Stream::Ok(WRITE),))
        })?;
    for name in ["write", "blocking-write-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func(&name, |store, (stream, contents): (Resource<OutputStream>, WasmList<u8>)| {
            write(store, stream.rep(), &contents)?;
            Ok((Stream::Ok(()),))
        })?;
    }
    for name in ["flush", "blocking-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func(&name, |_, (_,): (Resource<OutputStream>,)| Ok((Stream::Ok(()),)))?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.func(&name, |mut store, (stream, len): (Resource<OutputStream>, u64)| {
            // Zeros are no text: a line's worth shows that they came.
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(LOG_LINE_BYTES);
            print(store.data_mut(), stream.rep(), [0; LOG_LINE_BYTES].get(..len).unwrap_or_default());
            Ok((Stream::Ok(()),))
        })?;
    }
    for name in ["splice", "blocking-splice"] {
        let name = format!("[method]output-stream.{name}");
        streams.func(&name, |_, (_, _, _): (Resource<OutputStream>, Resource<InputStream>, u64)| {
            Ok((Stream::<u64>::Err(StreamError::Closed),))
        })?;
    }
    Ok(())
}
