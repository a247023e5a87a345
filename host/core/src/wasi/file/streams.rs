//! Streams over a file: each has its own place in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::code::ErrorCode;
use super::{operate, received};
use crate::scratch::NodeId;
use crate::state::GuestState;

/// Why a stream over a file returns or takes no bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::wasi) enum Broken {
    /// The end of the file.
    End,
    /// The operation failed.
    Failed(ErrorCode),
    /// The host's memory is exhausted. The run ends.
    NoMemory,
}

/// Reads a file from a place on. The stream holds the file.
#[derive(Debug, Clone)]
pub(in crate::wasi) struct FileIn {
    pub(in crate::wasi) node: NodeId,
    at: Arc<AtomicU64>,
}

/// Writes a file from a place on, or at its end. The stream holds the file.
#[derive(Debug, Clone)]
pub(in crate::wasi) struct FileOut {
    pub(in crate::wasi) node: NodeId,
    /// None for the end, wherever it is.
    at: Option<Arc<AtomicU64>>,
}

impl FileIn {
    pub(in crate::wasi) fn new(node: NodeId, offset: u64) -> Self {
        Self { node, at: Arc::new(AtomicU64::new(offset)) }
    }

    /// Reads up to `max` bytes; closed at the end of the file.
    pub(in crate::wasi) fn read(&self, state: &mut GuestState, max: usize) -> Result<Vec<u8>, Broken> {
        let at = self.at.load(Ordering::Relaxed);
        let read = ended(operate(state, 0, |desk| desk.files.tree.read(self.node, at, max as u64)))?;
        let (bytes, _) = read;
        if bytes.is_empty() && max > 0 {
            return Err(Broken::End);
        }
        received(state, bytes.len());
        self.at.store(at.saturating_add(bytes.len() as u64), Ordering::Relaxed);
        Ok(bytes)
    }
}

impl FileOut {
    pub(in crate::wasi) fn at(node: NodeId, offset: u64) -> Self {
        Self { node, at: Some(Arc::new(AtomicU64::new(offset))) }
    }

    pub(in crate::wasi) fn append(node: NodeId) -> Self {
        Self { node, at: None }
    }

    /// Writes all bytes, or none.
    pub(in crate::wasi) fn write(&self, state: &mut GuestState, bytes: &[u8]) -> Result<(), Broken> {
        ended(operate(state, bytes.len(), |desk| {
            let now = desk.now();
            let at = match &self.at {
                Some(at) => at.load(Ordering::Relaxed),
                None => desk.files.tree.stat(self.node)?.size,
            };
            desk.files.tree.write(self.node, at, bytes, now, desk.room)?;
            if let Some(place) = &self.at {
                place.store(at.saturating_add(bytes.len() as u64), Ordering::Relaxed);
            }
            Ok(())
        }))
    }
}

/// The form of a stream for what an operation returned.
fn ended<T>(result: wasmtime::Result<Result<T, ErrorCode>>) -> Result<T, Broken> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(code)) => Err(Broken::Failed(code)),
        Err(_) => Err(Broken::NoMemory),
    }
}
