//! What goes to the caller beside the response: notes on a stream, and everything on standard output.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use tokio::sync::mpsc;

use super::id::Id;
use super::reply::Reply;
use crate::budget::Held;
use crate::error::ServeError;

/// Bytes of one read, and the largest buffer for lines that is kept.
pub(super) const CHUNK: usize = 64 << 10;

/// Maximum bytes that wait to be written before reading pauses. Droppable notes wait only in fewer.
const WAITING: usize = 4 << 20;
const NOTES: usize = 256 << 10;

/// The queue to standard output.
pub(crate) struct Out {
    queue: Mutex<Queue>,
    /// Told when there is something for the writing thread: telling is a system call, and short calls need none.
    more: Condvar,
    /// Told when the writing thread has written.
    less: Condvar,
    writer: Mutex<Box<dyn Write + Send>>,
}

struct Queue {
    bytes: Vec<u8>,
    /// Charge for their memory, in the caller's share.
    held: Held,
    /// Whether a thread writes; it also writes what is added meanwhile.
    busy: bool,
    /// Whether standard output is closed.
    closed: bool,
    /// Whether no more lines will come.
    over: bool,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").finish_non_exhaustive()
    }
}

pub(super) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Out {
    pub(super) fn new(writer: Box<dyn Write + Send>, held: Held) -> Arc<Self> {
        let queue = Queue { bytes: Vec::new(), held, busy: false, closed: false, over: false };
        Arc::new(Self {
            queue: Mutex::new(queue),
            more: Condvar::new(),
            less: Condvar::new(),
            writer: Mutex::new(writer),
        })
    }

    /// Adds a line, to be written with later ones.
    fn gather(&self, line: &[u8]) -> usize {
        let mut queue = locked(&self.queue);
        queue.add(line);
        queue.bytes.len()
    }

    /// Adds a response, to be written with later ones. Without memory for it, adds an error instead.
    pub(super) fn answer(&self, id: Option<&Id>, reply: &Reply) -> usize {
        let mut queue = locked(&self.queue);
        if !queue.add(&reply.text) {
            let full = ErrorData::new(ErrorCode(-32000), ServeError::AnswersFull.detail(), None);
            queue.put(&Reply::error(id, &full).text);
        }
        queue.bytes.len()
    }

    /// Adds a line, and wakes the writer.
    pub(super) fn push(&self, line: Vec<u8>) {
        self.gather(&line);
        self.more.notify_one();
    }

    /// Adds a line and wakes the writer, unless too many bytes wait.
    fn offer(&self, line: Vec<u8>) {
        let mut queue = locked(&self.queue);
        if queue.bytes.len() < NOTES {
            queue.add(&line);
            drop(queue);
            self.more.notify_one();
        }
    }

    /// Returns the number of bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        locked(&self.queue).bytes.len()
    }

    /// Wakes the writer, for lines that were added before.
    pub(super) fn wake(&self) {
        self.more.notify_one();
    }

    /// Writes the queue, unless another thread writes.
    pub(super) fn flush(&self) {
        let mut queue = locked(&self.queue);
        while !queue.bytes.is_empty() && !queue.busy {
            queue.busy = true;
            let bytes = std::mem::take(&mut queue.bytes);
            drop(queue);
            let written = {
                let mut writer = locked(&self.writer);
                writer.write_all(&bytes).and_then(|()| writer.flush())
            };
            queue = locked(&self.queue);
            queue.busy = false;
            queue.closed |= written.is_err();
            if queue.closed {
                queue.bytes.clear();
            } else if queue.bytes.is_empty() && bytes.capacity() <= CHUNK {
                queue.bytes = bytes;
                queue.bytes.clear();
            }
            let left = queue.bytes.len() as u64;
            queue.held.keep(left);
        }
    }

    /// Waits until few enough bytes wait to read more.
    pub(super) fn settle(&self) {
        self.flush();
        let queue = locked(&self.queue);
        drop(self.less.wait_while(queue, |queue| queue.bytes.len() >= WAITING && !queue.closed));
    }

    /// Writes lines of other threads than the reading one, until no more come.
    pub(super) fn write(&self) {
        loop {
            let queue = locked(&self.queue);
            let idle = |queue: &mut Queue| !queue.over && (queue.bytes.is_empty() || queue.busy);
            let queue = self.more.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
            if queue.over && queue.bytes.is_empty() && !queue.busy {
                return;
            }
            let busy = queue.busy;
            drop(queue);
            if busy {
                std::thread::yield_now();
            }
            self.flush();
            self.less.notify_all();
        }
    }

    pub(super) fn end(&self) {
        locked(&self.queue).over = true;
        self.more.notify_all();
    }
}

impl Queue {
    /// Adds a line if there is memory for it.
    fn add(&mut self, line: &[u8]) -> bool {
        let fits = self.closed || self.held.more(line.len() as u64).is_ok();
        if fits {
            self.put(line);
        }
        fits
    }

    fn put(&mut self, line: &[u8]) {
        if !self.closed {
            self.bytes.extend_from_slice(line);
            self.bytes.push(b'\n');
        }
    }
}

/// The destination of messages before the response.
#[derive(Debug)]
pub(crate) enum Notes {
    /// A streamed response.
    Stream(mpsc::Sender<Vec<u8>>),
    /// Standard output.
    Out(Arc<Out>),
}

impl Notes {
    /// Sends a note, or drops it if a slow reader has not made room.
    pub(super) fn offer(&self, note: Vec<u8>) {
        match self {
            Self::Stream(stream) => drop(stream.try_send(note)),
            Self::Out(out) => out.offer(note),
        }
    }

    /// Sends a note that must not be lost. Returns false if the reader is gone.
    pub(super) async fn send(&self, note: Vec<u8>) -> bool {
        match self {
            Self::Stream(stream) => stream.send(note).await.is_ok(),
            Self::Out(out) => {
                out.push(note);
                true
            }
        }
    }
}
