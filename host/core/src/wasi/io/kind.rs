//! The kinds of streams. A new kind is a variant here, and nowhere else is a kind matched.

use std::sync::Arc;

use wasmtime::component::WasmList;
use wasmtime::{AsContext as _, StoreContextMut};

use super::lines::{Printer, print};
use super::poll::{Condition, Ready};
use super::tasks::Tasks;
use super::{Failure, STDERR, STDOUT};
use crate::capability::moved;
use crate::limits::LOG_LINE_BYTES;
use crate::state::GuestState;
use crate::wasi::file::{Broken, FileIn, FileOut};

/// Maximum bytes of one write, as `check-write` returns them at most.
pub(super) const WRITE: usize = 64 << 10;

/// What an input stream reads.
#[derive(Clone, Default)]
pub(crate) enum Input {
    /// Nothing: it is closed, like the standard input.
    #[default]
    Closed,
    /// What the host receives.
    Source(Arc<dyn Source>),
    /// A scratch file.
    File(FileIn),
}

/// Bytes that arrive while the run goes on. As a [`Condition`] it is ready when there are bytes, an error or the end.
pub(crate) trait Source: Condition {
    /// Takes up to `max` bytes of those that are there; empty if there are none yet.
    fn take(&self, state: &mut GuestState, max: usize) -> Result<Vec<u8>, Ended>;
}

/// Where an output stream writes.
#[derive(Clone, Default)]
pub(crate) enum Output {
    /// Nowhere: it is closed.
    #[default]
    Closed,
    /// Lines of the log.
    Printer(Printer),
    /// What the host sends.
    Sink(Arc<dyn Sink>),
    /// A scratch file.
    File(FileOut),
}

/// Takes bytes, as fast as they go away. As a [`Condition`] it is ready when there is room, or never will be.
pub(crate) trait Sink: Condition {
    /// Returns how many bytes it takes now.
    fn room(&self) -> Result<usize, Ended>;

    /// Takes bytes, no more than there is room for.
    fn put(&self, state: &mut GuestState, bytes: Vec<u8>) -> Result<(), Ended>;
}

/// Why a stream returns no more, or takes no more.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// It has reached its end.
    Closed,
    /// Its last operation failed.
    Failed(Failure),
    /// The host's memory is exhausted. The run ends.
    NoMemory,
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::End => Self::Closed,
            Broken::Failed(code) => Self::Failed(Failure::File(code)),
            Broken::NoMemory => Self::NoMemory,
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "Closed",
            Self::Source(_) => "Source",
            Self::File(_) => "File",
        })
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "Closed",
            Self::Printer(_) => "Printer",
            Self::Sink(_) => "Sink",
            Self::File(_) => "File",
        })
    }
}

/// Waits for room for more than a byte.
struct Room(Arc<dyn Sink>, usize);

impl Condition for Room {
    fn begin(&self, tasks: &Arc<Tasks>) {
        self.0.begin(tasks);
    }

    fn is_ready(&self) -> bool {
        self.0.room().map_or(true, |room| room >= self.1)
    }
}

impl Input {
    /// Returns the input of a handle.
    pub(super) fn of(state: &GuestState, handle: u32) -> Self {
        state.wasi.io.inputs.get(handle).cloned().unwrap_or_default()
    }

    /// Returns when a read returns bytes, or the end.
    pub(super) fn readable(&self) -> Ready {
        match self {
            Self::Closed | Self::File(_) => Ready::Now,
            Self::Source(source) => {
                let condition: Arc<dyn Condition> = Arc::clone(source) as _;
                Ready::Host(condition)
            }
        }
    }

    /// Reads up to `max` bytes without a wait.
    pub(super) fn read(&self, state: &mut GuestState, max: usize) -> Result<Vec<u8>, Ended> {
        match self {
            Self::Closed => Err(Ended::Closed),
            Self::Source(source) => {
                let tasks = state.wasi.io.tasks();
                tasks.drive();
                source.begin(&tasks);
                source.take(state, max)
            }
            Self::File(file) => Ok(file.read(state, max)?),
        }
    }
}

impl Output {
    /// Returns the output of a handle.
    pub(super) fn of(state: &GuestState, handle: u32) -> Self {
        match handle {
            STDOUT => Self::Printer(Printer::Stdout),
            STDERR => Self::Printer(Printer::Stderr),
            _ => state.wasi.io.outputs.get(handle).cloned().unwrap_or_default(),
        }
    }

    /// Returns when it takes `bytes` bytes, or no more at all.
    pub(super) fn writable(&self, bytes: usize) -> Ready {
        match self {
            Self::Closed | Self::Printer(_) | Self::File(_) => Ready::Now,
            Self::Sink(sink) => Ready::Host(Arc::new(Room(Arc::clone(sink), bytes.min(WRITE)))),
        }
    }

    /// Returns how many bytes a write may have now.
    pub(super) fn room(&self, state: &mut GuestState) -> Result<usize, Ended> {
        match self {
            Self::Closed => Err(Ended::Closed),
            Self::Printer(_) | Self::File(_) => Ok(WRITE),
            Self::Sink(sink) => {
                // A guest that can write more has no need of progress: a small body is there before it is sent.
                if sink.room()? == 0 {
                    state.wasi.io.tasks().drive();
                }
                sink.room().map(|room| room.min(WRITE))
            }
        }
    }

    /// Writes bytes of the guest, for which there is room, and charges them.
    pub(super) fn write(
        &self,
        mut store: StoreContextMut<'_, GuestState>,
        contents: &WasmList<u8>,
    ) -> wasmtime::Result<Result<(), Ended>> {
        moved(&mut store, contents.len() as u64)?;
        match self {
            Self::Closed => Ok(Err(Ended::Closed)),
            Self::Printer(printer) => {
                print_in_place(&mut store, *printer, contents);
                Ok(Ok(()))
            }
            Self::Sink(sink) => {
                let bytes = contents.as_le_slice(store.as_context()).to_vec();
                Ok(sink.put(store.data_mut(), bytes))
            }
            Self::File(file) => {
                let bytes = contents.as_le_slice(store.as_context()).to_vec();
                Ok(file.write(store.data_mut(), &bytes).map_err(Ended::from))
            }
        }
    }

    /// Writes bytes of the host, for which there is room.
    pub(super) fn put(&self, state: &mut GuestState, bytes: Vec<u8>) -> Result<(), Ended> {
        match self {
            Self::Closed => Err(Ended::Closed),
            Self::Printer(printer) => {
                print(state, *printer, &bytes);
                Ok(())
            }
            Self::Sink(sink) => sink.put(state, bytes),
            Self::File(file) => Ok(file.write(state, &bytes)?),
        }
    }

    /// Returns whether it drops most zeros, and thus takes any number.
    pub(super) fn takes_any_zeroes(&self) -> bool {
        match self {
            Self::Closed | Self::Printer(_) => true,
            Self::Sink(_) | Self::File(_) => false,
        }
    }

    /// Writes zeros, for which there is room, and charges them.
    pub(super) fn write_zeroes(
        &self,
        mut store: StoreContextMut<'_, GuestState>,
        bytes: usize,
    ) -> wasmtime::Result<Result<(), Ended>> {
        match self {
            Self::Closed => Ok(Err(Ended::Closed)),
            Self::Printer(printer) => {
                // Zeros are no text: a line's worth shows that they came.
                let zeros = [0; LOG_LINE_BYTES];
                print(store.data_mut(), *printer, zeros.get(..bytes.min(LOG_LINE_BYTES)).unwrap_or_default());
                Ok(Ok(()))
            }
            Self::Sink(sink) => {
                moved(&mut store, bytes as u64)?;
                Ok(sink.put(store.data_mut(), vec![0; bytes]))
            }
            Self::File(file) => {
                moved(&mut store, bytes as u64)?;
                Ok(file.write(store.data_mut(), &vec![0; bytes]).map_err(Ended::from))
            }
        }
    }
}

/// Prints text from where it lies, part by part, so that it copies nothing large.
fn print_in_place(store: &mut StoreContextMut<'_, GuestState>, printer: Printer, contents: &WasmList<u8>) {
    const PIECE: usize = 4096;
    let mut piece = [0_u8; PIECE];
    let mut at = 0;
    loop {
        let all = contents.as_le_slice(store.as_context());
        let rest = all.get(at..).unwrap_or_default();
        let len = rest.len().min(PIECE);
        if len == 0 {
            return;
        }
        let (Some(target), Some(source)) = (piece.get_mut(..len), rest.get(..len)) else { return };
        target.copy_from_slice(source);
        at = at.saturating_add(len);
        print(store.data_mut(), printer, piece.get(..len).unwrap_or_default());
    }
}
