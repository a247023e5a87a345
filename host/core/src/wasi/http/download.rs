//! The body of a response, one piece ahead of the guest at most.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Slot;
use crate::grants::{Capability, HttpBody, Spent};
use crate::state::GuestState;
use crate::wasi::http_error::ErrorCode;
use crate::wasi::io::{Condition, Ended, Failure, Source, TaskId, Tasks, pass};

/// Bytes that the host reads ahead of the guest, at most.
const PIECE: usize = 64 << 10;

/// A body that arrives. Dropping the last handle to it closes its connection.
pub(super) struct Download {
    state: Mutex<State>,
    between_bytes: Option<Duration>,
    /// The body itself, for the task that reads it.
    own: Weak<Self>,
}

struct State {
    body: Body,
    /// Bytes that the guest has not read, and where they begin.
    rest: Vec<u8>,
    at: usize,
    /// Whether what comes is dropped, because the guest wants the end alone.
    discards: bool,
    /// What the guest's account does not have yet.
    spent: Spent,
}

enum Body {
    /// Nobody reads.
    Idle(Box<dyn HttpBody>, Slot),
    /// A task reads, and has the body.
    Reading(Option<(TaskId, Weak<Tasks>)>),
    /// It has ended. The flag tells whether the guest has learnt of an error.
    Over(Result<(), ErrorCode>, bool),
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}

impl Download {
    pub(super) fn new(body: Box<dyn HttpBody>, slot: Slot, between_bytes: Option<Duration>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            state: Mutex::new(State {
                body: Body::Idle(body, slot),
                rest: Vec::new(),
                at: 0,
                discards: false,
                spent: Spent::default(),
            }),
            between_bytes,
            own: own.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to read, unless somebody reads or there is something to read.
    fn start(&self, tasks: &Arc<Tasks>, discards: bool) {
        let (body, slot) = {
            let mut state = self.lock();
            if discards {
                state.discards = true;
                state.rest = Vec::new();
            }
            if state.unread() > 0 {
                return;
            }
            match std::mem::replace(&mut state.body, Body::Reading(None)) {
                Body::Idle(body, slot) => (body, slot),
                other @ (Body::Reading(_) | Body::Over(..)) => {
                    state.body = other;
                    return;
                }
            }
        };
        // The task holds the body weakly: it ends with the guest's last handle.
        let task = tasks.spawn(read(self.own.clone(), body, slot, self.between_bytes));
        if let (Some(task), Body::Reading(id)) = (task, &mut self.lock().body) {
            *id = Some((task, Arc::downgrade(tasks)));
        }
    }

    /// Takes what has arrived. Returns the body if there is more to read at once.
    fn arrived(
        &self,
        body: Box<dyn HttpBody>,
        slot: Slot,
        piece: Result<Option<Vec<u8>>, ErrorCode>,
        wait: Duration,
    ) -> Option<(Box<dyn HttpBody>, Slot)> {
        let mut state = self.lock();
        let received = piece.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len) as u64;
        state.spent.received = state.spent.received.saturating_add(received);
        state.spent.wait = state.spent.wait.saturating_add(wait);
        match piece {
            Ok(Some(_)) if state.discards => return Some((body, slot)),
            Ok(Some(piece)) => {
                (state.rest, state.at) = (piece, 0);
                state.body = Body::Idle(body, slot);
            }
            Ok(None) => state.body = Body::Over(Ok(()), true),
            Err(error) => state.body = Body::Over(Err(error), false),
        }
        None
    }

    /// Counts what the run has received.
    fn settle(&self, guest: &mut GuestState) {
        let spent = std::mem::take(&mut self.lock().spent);
        guest.spend(Capability::Http, spent);
    }

    /// Returns how the body ended; none if it has not.
    pub(super) fn over(&self, guest: &mut GuestState) -> Option<Result<(), ErrorCode>> {
        self.settle(guest);
        match &self.lock().body {
            Body::Idle(..) | Body::Reading(_) => None,
            Body::Over(result, _) => Some(result.clone()),
        }
    }
}

/// Reads a piece, or everything if nobody wants it.
async fn read(
    download: Weak<Download>,
    mut body: Box<dyn HttpBody>,
    mut slot: Slot,
    between_bytes: Option<Duration>,
) {
    loop {
        let begun = Instant::now();
        let piece = match between_bytes {
            None => body.next(PIECE).await.map_err(ErrorCode::from),
            Some(time) => match tokio::time::timeout(time, body.next(PIECE)).await {
                Ok(piece) => piece.map_err(ErrorCode::from),
                Err(_) => Err(ErrorCode::ConnectionReadTimeout),
            },
        };
        let Some(download) = download.upgrade() else { return };
        match download.arrived(body, slot, piece, begun.elapsed()) {
            Some(more) => {
                (body, slot) = more;
                pass().await;
            }
            None => return,
        }
    }
}

impl State {
    fn unread(&self) -> usize {
        self.rest.len().saturating_sub(self.at)
    }

    fn take(&mut self, max: usize) -> Result<Vec<u8>, Ended> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.unread().min(max);
        if bytes > 0 {
            if self.at == 0 && bytes == self.rest.len() {
                return Ok(std::mem::take(&mut self.rest));
            }
            let end = self.at.saturating_add(bytes);
            let taken = self.rest.get(self.at..end).unwrap_or_default().to_vec();
            self.at = end;
            return Ok(taken);
        }
        match &mut self.body {
            Body::Idle(..) | Body::Reading(_) => Ok(Vec::new()),
            Body::Over(Err(error), told) => match std::mem::replace(told, true) {
                false => Err(Ended::Failed(Failure::Http(error.clone()))),
                true => Err(Ended::Closed),
            },
            Body::Over(Ok(()), _) => Err(Ended::Closed),
        }
    }
}

impl Condition for Download {
    fn begin(&self, tasks: &Arc<Tasks>) {
        self.start(tasks, false);
    }

    fn is_ready(&self) -> bool {
        let state = self.lock();
        match state.body {
            Body::Over(..) => true,
            Body::Idle(..) | Body::Reading(_) => state.unread() > 0,
        }
    }
}

impl Source for Download {
    fn take(&self, guest: &mut GuestState, max: usize) -> Result<Vec<u8>, Ended> {
        self.settle(guest);
        self.lock().take(max)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Body::Reading(Some((task, tasks))) = &state.body
            && let Some(tasks) = tasks.upgrade()
        {
            tasks.cancel(*task);
        }
    }
}

/// The end of a body, for which the host drops what the guest has not read.
pub(super) struct Drained(pub(super) Arc<Download>);

impl Condition for Drained {
    fn begin(&self, tasks: &Arc<Tasks>) {
        self.0.start(tasks, true);
    }

    fn is_ready(&self) -> bool {
        matches!(self.0.lock().body, Body::Over(..))
    }
}
