//! `outgoing-body`: the body of a request, from the guest's stream to whoever sends it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use wasmtime::component::Resource;

use super::download::Download;
use super::fields::{self, Fields};
use crate::capability::GrantedInterface;
use crate::error::HostError;
use crate::grants::{Capability, HttpBody, HttpError, HttpRequestBody, Spent, Wait};
use crate::state::GuestState;
use crate::wasi::http_error::ErrorCode;
use crate::wasi::io::{
    Condition, Ended, Failure, Output, OutputStream, Sink, Tasks, output_stream, too_many,
};

/// `types.outgoing-body`
#[derive(Debug)]
pub(crate) struct OutgoingBody;

/// Maximum bytes of one body that the guest has written and the host has not sent.
const BUFFER: usize = 64 << 10;

/// A body on its way. The guest's stream and the host's reader share it.
#[derive(Debug)]
pub(super) struct Upload(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Bytes that the guest has written and nobody has read, at most [`BUFFER`].
    buffer: Vec<u8>,
    written: u64,
    /// The length that `content-length` declares.
    declared: Option<u64>,
    end: End,
    /// Who waits for the next piece.
    reader: Option<Waker>,
    /// The response to the request. Whoever reads it moves the rest of this body too.
    response: Weak<Download>,
}

#[derive(Debug)]
enum End {
    /// The guest can write.
    Open,
    /// The guest has written everything.
    Finished,
    /// The guest will not finish the body.
    Aborted,
    /// Nobody reads any more.
    Unread,
}

/// The value of an `outgoing-body`.
#[derive(Debug)]
pub(super) struct Writer {
    upload: Arc<Upload>,
    /// Whether the guest has taken the stream.
    taken: bool,
}

/// The host's end of a body.
#[derive(Debug)]
pub(super) struct Reader(Arc<Upload>);

impl Upload {
    /// Makes a body and the end from which the host reads it.
    pub(super) fn open(declared: Option<u64>) -> (Writer, Reader) {
        let upload = Arc::new(Self(Mutex::new(State {
            buffer: Vec::new(),
            written: 0,
            declared,
            end: End::Open,
            reader: None,
            response: Weak::new(),
        })));
        (Writer { upload: Arc::clone(&upload), taken: false }, Reader(upload))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names the response that came before the body was sent.
    pub(super) fn answered(&self, response: &Arc<Download>) {
        self.lock().response = Arc::downgrade(response);
    }

    /// Ends the body from the guest's side.
    fn end(&self, finished: bool) -> Result<(), ErrorCode> {
        let mut state = self.lock();
        let fits = state.declared.is_none_or(|declared| declared == state.written);
        match state.end {
            End::Open if finished && fits => state.end = End::Finished,
            End::Open => state.end = End::Aborted,
            End::Finished | End::Aborted | End::Unread => {}
        }
        state.wake();
        if finished && !fits { Err(ErrorCode::RequestBodySize(Some(state.written))) } else { Ok(()) }
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn room(&self) -> Result<usize, Ended> {
        match self.end {
            End::Open => Ok(BUFFER.saturating_sub(self.buffer.len())),
            End::Finished | End::Aborted | End::Unread => Err(Ended::Closed),
        }
    }

    /// Takes the next piece, of at most `max` bytes.
    fn next(&mut self, max: usize) -> Option<Vec<u8>> {
        let rest = match self.buffer.len() {
            0 => return None,
            length if length <= max => Vec::new(),
            _ => self.buffer.split_off(max),
        };
        Some(std::mem::replace(&mut self.buffer, rest))
    }
}

impl Condition for Upload {
    fn begin(&self, tasks: &Arc<Tasks>) {
        let response = self.lock().response.upgrade();
        if let Some(response) = response {
            response.begin(tasks);
        }
    }

    fn is_ready(&self) -> bool {
        let state = self.lock();
        match state.end {
            End::Open => state.buffer.len() < BUFFER,
            End::Finished | End::Aborted | End::Unread => true,
        }
    }
}

impl Sink for Upload {
    fn room(&self) -> Result<usize, Ended> {
        self.lock().room()
    }

    fn put(&self, guest: &mut GuestState, bytes: Vec<u8>) -> Result<(), Ended> {
        let mut state = self.lock();
        state.room()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        state.written = state.written.saturating_add(length);
        if state.declared.is_some_and(|declared| state.written > declared) {
            state.end = End::Aborted;
            state.wake();
            return Err(Ended::Failed(Failure::Http(ErrorCode::RequestBodySize(Some(state.written)))));
        }
        guest.spend(Capability::Http, Spent { sent: length, ..Spent::default() });
        if state.buffer.is_empty() {
            state.buffer = bytes;
        } else {
            state.buffer.extend_from_slice(&bytes);
        }
        state.wake();
        Ok(())
    }
}

impl Reader {
    /// Returns whether the guest can still write.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.0.lock().end, End::Open)
    }

    /// Returns the body of the request: the whole body if the guest has finished it, else a stream.
    pub(super) fn into_body(self) -> HttpRequestBody {
        let length = {
            let mut state = self.0.lock();
            match (&state.end, state.declared) {
                (End::Finished, _) => return Some(std::mem::take(&mut state.buffer)).into(),
                (End::Open, Some(0)) => return HttpRequestBody::Empty,
                (_, declared) => declared,
            }
        };
        HttpRequestBody::Stream { length, pieces: Box::new(self) }
    }

    fn poll(&self, context: &mut Context<'_>, max: usize) -> Poll<Result<Option<Vec<u8>>, HttpError>> {
        let mut state = self.0.lock();
        if let Some(piece) = state.next(max) {
            return Poll::Ready(Ok(Some(piece)));
        }
        match state.end {
            End::Open => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
            End::Finished => Poll::Ready(Ok(None)),
            End::Aborted | End::Unread => {
                Poll::Ready(Err(HttpError::Invalid("the request body was not finished".into())))
            }
        }
    }

    /// Returns the body itself, to name its response.
    pub(super) fn upload(&self) -> Weak<Upload> {
        Arc::downgrade(&self.0)
    }
}

impl HttpBody for Reader {
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>> {
        Box::pin(poll_fn(move |context| self.poll(context, max)))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.buffer = Vec::new();
        match state.end {
            End::Open => state.end = End::Unread,
            End::Finished | End::Aborted | End::Unread => {}
        }
    }
}

/// Makes an `outgoing-body`. Fails the run if it has too many.
pub(super) fn body_handle(
    state: &mut GuestState,
    writer: Writer,
) -> wasmtime::Result<Resource<OutgoingBody>> {
    let handle = state.wasi.http.parts_mut().uploads.add(writer);
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "request bodies"))?))
}

/// Drops a body. If it is not finished, the request fails.
pub(crate) fn free(state: &mut GuestState, handle: u32) {
    if let Some(writer) = state.wasi.http.parts_mut().uploads.remove(handle) {
        let _ = writer.upload.end(false);
    }
}

/// Returns the stream of a body, once.
fn write(
    state: &mut GuestState,
    body: &Resource<OutgoingBody>,
) -> wasmtime::Result<Result<Resource<OutputStream>, ()>> {
    let writer = state.wasi.http.parts_mut().uploads.get_mut(body.rep());
    let Some(writer) = writer.filter(|writer| !writer.taken) else { return Ok(Err(())) };
    writer.taken = true;
    let sink: Arc<dyn Sink> = Arc::clone(&writer.upload) as _;
    Ok(Ok(output_stream(state, Output::Sink(sink))?))
}

/// Finishes a body. Trailers are never sent, so a request with some fails.
fn finish(
    state: &mut GuestState,
    body: &Resource<OutgoingBody>,
    trailers: Option<Resource<Fields>>,
) -> Result<(), ErrorCode> {
    let trailers = trailers.map(|trailers| fields::take(state, &trailers));
    if let Some(trailers) = &trailers {
        fields::refund(state, trailers.charged());
    }
    let Some(writer) = state.wasi.http.parts_mut().uploads.remove(body.rep()) else { return Ok(()) };
    let has_trailers = trailers.is_some_and(|trailers| !trailers.entries().is_empty());
    let ended = writer.upload.end(!has_trailers);
    // What was written can go at once.
    state.wasi.io.tasks().drive();
    if has_trailers {
        return Err(ErrorCode::internal("the host sends no trailers; finish the body without them"));
    }
    ended
}

pub(super) fn link(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    types
        .resource_with::<OutgoingBody>("outgoing-body", |state, body| free(state, body.rep()))?
        .func("[method]outgoing-body.write", |mut store, (body,): (Resource<OutgoingBody>,)| {
            Ok((write(store.data_mut(), &body)?,))
        })?
        .func(
            "[static]outgoing-body.finish",
            |mut store, (body, trailers): (Resource<OutgoingBody>, Option<Resource<Fields>>)| {
                Ok((finish(store.data_mut(), &body, trailers),))
            },
        )?;
    Ok(())
}
