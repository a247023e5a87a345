//! `outgoing-handler`, and the response: sent through [`crate::Http`], which decides about each request.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use wasmtime::component::Resource;

use super::download::{Download, Drained};
use super::fields::{self, Field, FieldList, Fields};
use super::request::{OutgoingRequest, RequestOptions, Timeouts};
use super::upload::Reader;
use super::{Slot, request};
use crate::capability::{Client, Exchanged, GrantedInterface, Registry, Stub, record};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{HttpError, HttpHead, HttpRequest};
use crate::state::GuestState;
use crate::wasi::http_error::ErrorCode;
use crate::wasi::io::{
    Condition, Input, InputStream, Ready, Source, TaskId, Tasks, input_stream, pollable, pollable_resource,
    too_many,
};
use crate::wasi::wasi;

/// `types.future-incoming-response`
#[derive(Debug)]
pub(crate) struct FutureIncomingResponse;

/// `types.incoming-response`
#[derive(Debug)]
pub(crate) struct IncomingResponse;

/// `types.incoming-body`
#[derive(Debug)]
pub(crate) struct IncomingBody;

/// `types.future-trailers`
#[derive(Debug)]
pub(crate) struct FutureTrailers;

/// A request that is under way, or its response.
pub(super) struct Exchange {
    answer: Mutex<Answer>,
    /// Its task, for as long as nobody has answered.
    task: OnceLock<(TaskId, Weak<Tasks>)>,
}

enum Answer {
    Waiting,
    Here(Exchanged<(HttpHead, Arc<Download>)>),
    /// The guest has it.
    Taken,
}

/// The value of an `incoming-response`.
pub(super) struct Response {
    status: u16,
    headers: Arc<Vec<Field>>,
    /// None after the guest has taken it.
    body: Option<Arc<Download>>,
}

/// The value of an `incoming-body`.
pub(super) struct Incoming {
    download: Arc<Download>,
    /// Whether the guest has taken the stream.
    taken: bool,
}

/// The value of a `future-trailers`.
pub(super) struct Trailers {
    download: Arc<Download>,
    /// Whether the guest has them.
    taken: bool,
}

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to send a request.
    fn start(
        tasks: &Arc<Tasks>,
        client: Client,
        (mut request, body): (HttpRequest, Option<Reader>),
        timeouts: Timeouts,
        slot: Slot,
    ) -> Arc<Self> {
        let exchange = Arc::new(Self { answer: Mutex::new(Answer::Waiting), task: OnceLock::new() });
        // The task holds it weakly: the request ends with the guest's last handle.
        let own = Arc::downgrade(&exchange);
        let upload = body.as_ref().map(Reader::upload).unwrap_or_default();
        let later = body.as_ref().is_some_and(Reader::is_open);
        let sending = async move {
            // Now, not before: a body that is finished by now has a length.
            if let Some(body) = body {
                request.body = body.into_body();
            }
            let sent = client.open_within(request, timeouts.first_byte).await;
            let Some(exchange) = own.upgrade() else { return };
            let answer = sent.map(|response| {
                let download = Download::new(response.body, slot, timeouts.between_bytes);
                if let Some(upload) = upload.upgrade() {
                    upload.answered(&download);
                }
                (response.head, download)
            });
            *exchange.lock() = Answer::Here(answer);
        };
        let task = if later { Some(tasks.spawn_later(sending)) } else { tasks.spawn(sending) };
        if let Some(task) = task {
            let _ = exchange.task.set((task, Arc::downgrade(tasks)));
        }
        exchange
    }

    /// Takes the answer, if it is there.
    fn take(&self) -> Answer {
        let mut answer = self.lock();
        match &*answer {
            Answer::Waiting => Answer::Waiting,
            Answer::Here(_) | Answer::Taken => std::mem::replace(&mut *answer, Answer::Taken),
        }
    }

    /// Counts an answer that the guest never asked for.
    pub(super) fn finish(&self, state: &mut GuestState) {
        if let Answer::Here(exchanged) = self.take() {
            let _ = record(state, exchanged);
        }
    }

    /// Returns whether the request was refused before it began to wait.
    fn is_refused(&self) -> bool {
        match &*self.lock() {
            Answer::Here(Exchanged { result: Err(error), .. }) => match error {
                HttpError::Denied { .. } | HttpError::Invalid(_) => true,
                HttpError::Limit(..)
                | HttpError::Timeout
                | HttpError::Failed(..)
                | HttpError::Unavailable { .. } => false,
            },
            Answer::Here(_) | Answer::Waiting | Answer::Taken => false,
        }
    }
}

impl Condition for Exchange {
    fn begin(&self, _: &Arc<Tasks>) {}

    fn is_ready(&self) -> bool {
        !matches!(*self.lock(), Answer::Waiting)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some((task, tasks)) = self.task.get()
            && let Some(tasks) = tasks.upgrade()
        {
            tasks.cancel(*task);
        }
    }
}

/// Sends a request.
fn handle(
    state: &mut GuestState,
    request: &Resource<OutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Result<Resource<FutureIncomingResponse>, ErrorCode>> {
    let parts = state.wasi.http.parts_mut();
    let timeouts = options.and_then(|options| parts.options.remove(options.rep())).unwrap_or_default();
    let Some(draft) = parts.requests.remove(request.rep()) else {
        return Ok(Err(ErrorCode::internal("no such request")));
    };
    let Some(slot) = parts.slots.take() else {
        fields::refund(state, draft.charged());
        return Ok(Err(ErrorCode::ConnectionLimitReached));
    };
    let mut request = match draft.into_request(state) {
        Ok(request) => request,
        Err(error) => return Ok(Err(error)),
    };
    request.0.connect_timeout = timeouts.connect.map(millis);
    let client = Client::begin_streamed(state, &request.0);
    let tasks = state.wasi.io.tasks();
    let exchange = Exchange::start(&tasks, client, request, timeouts, slot);
    if exchange.is_refused()
        && let Answer::Here(exchanged) = exchange.take()
        && let Err(error) = record(state, exchanged)
    {
        return Ok(Err(error.into()));
    }
    let handle = state.wasi.http.parts_mut().exchanges.add(exchange);
    Ok(Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "responses"))?)))
}

/// A time in whole milliseconds, which never ends earlier.
fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// What `future-incoming-response.get` returns.
type Got = Option<Result<Result<Resource<IncomingResponse>, ErrorCode>, ()>>;

fn get(state: &mut GuestState, future: &Resource<FutureIncomingResponse>) -> wasmtime::Result<Got> {
    state.wasi.io.tasks().drive();
    let exchange = state.wasi.http.parts_mut().exchanges.get(future.rep()).cloned();
    let Some(exchange) = exchange else { return Ok(Some(Err(()))) };
    let exchanged = match exchange.take() {
        Answer::Waiting => return Ok(None),
        Answer::Taken => return Ok(Some(Err(()))),
        Answer::Here(exchanged) => exchanged,
    };
    let (head, body) = match record(state, exchanged) {
        Ok(answer) => answer,
        Err(error) => return Ok(Some(Ok(Err(error.into())))),
    };
    let lower = |(name, value): Field| (name.to_ascii_lowercase(), value);
    let headers = Arc::new(head.headers.into_iter().map(lower).collect());
    let response = Response { status: head.status, headers, body: Some(body) };
    let handle = state.wasi.http.parts_mut().responses.add(response);
    Ok(Some(Ok(Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "responses"))?)))))
}

/// Drops a future. What it learnt goes into the report, also if the guest never asked.
pub(crate) fn free_future(state: &mut GuestState, handle: u32) {
    if let Some(exchange) = state.wasi.http.parts_mut().exchanges.remove(handle) {
        exchange.finish(state);
    }
}

pub(crate) fn free_response(state: &mut GuestState, handle: u32) {
    state.wasi.http.parts_mut().responses.remove(handle);
}

pub(crate) fn free_body(state: &mut GuestState, handle: u32) {
    state.wasi.http.parts_mut().incoming.remove(handle);
}

pub(crate) fn free_trailers(state: &mut GuestState, handle: u32) {
    state.wasi.http.parts_mut().trailers.remove(handle);
}

pub(super) fn future_resource(interface: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    let free = |state: &mut GuestState, future: Resource<FutureIncomingResponse>| {
        free_future(state, future.rep());
    };
    interface.resource_with("future-incoming-response", free).map(drop)
}

pub(super) fn link_handler(registry: &mut Registry) -> Result<(), HostError> {
    let mut handler = registry.granted(wasi!("http/outgoing-handler"), Access::ByGrant, Stub::Refuse)?;
    request::request_resource(&mut handler)?;
    request::options_resource(&mut handler)?;
    future_resource(&mut handler)?;
    type Params = (Resource<OutgoingRequest>, Option<Resource<RequestOptions>>);
    handler.func("handle", |mut store, (request, options): Params| {
        Ok((handle(store.data_mut(), &request, options)?,))
    })?;
    Ok(())
}

pub(super) fn link(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    pollable_resource(types)?;
    future_resource(types)?;
    types
        .func(
            "[method]future-incoming-response.subscribe",
            |mut store, (future,): (Resource<FutureIncomingResponse>,)| {
                let state = store.data_mut();
                let exchange = state.wasi.http.parts_mut().exchanges.get(future.rep()).cloned();
                let ready = exchange.map_or(Ready::Now, |exchange| Ready::Host(exchange));
                Ok((pollable(state, ready)?,))
            },
        )?
        .func(
            "[method]future-incoming-response.get",
            |mut store, (future,): (Resource<FutureIncomingResponse>,)| {
                Ok((get(store.data_mut(), &future)?,))
            },
        )?
        .resource_with::<IncomingResponse>("incoming-response", |state, response| {
            free_response(state, response.rep());
        })?
        .func("[method]incoming-response.status", |mut store, (response,): (Resource<IncomingResponse>,)| {
            let response = store.data_mut().wasi.http.parts_mut().responses.get(response.rep());
            Ok((response.map_or(0, |response| response.status),))
        })?
        .func(
            "[method]incoming-response.headers",
            |mut store, (response,): (Resource<IncomingResponse>,)| {
                let state = store.data_mut();
                let response = state.wasi.http.parts_mut().responses.get(response.rep());
                let headers = response.map(|response| Arc::clone(&response.headers)).unwrap_or_default();
                Ok((fields::handle(state, FieldList::of_message(headers))?,))
            },
        )?
        .func(
            "[method]incoming-response.consume",
            |mut store, (response,): (Resource<IncomingResponse>,)| {
                let state = store.data_mut();
                let parts = state.wasi.http.parts_mut();
                let body = parts.responses.get_mut(response.rep()).and_then(|response| response.body.take());
                let Some(download) = body else { return Ok((Err(()),)) };
                let handle = parts.incoming.add(Incoming { download, taken: false });
                let handle = handle.ok_or_else(|| too_many(state, "response bodies"))?;
                Ok((Ok(Resource::<IncomingBody>::new_own(handle)),))
            },
        )?;
    link_body(types)
}

fn link_body(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    types
        .resource_with::<IncomingBody>("incoming-body", |state, body| free_body(state, body.rep()))?
        .func("[method]incoming-body.stream", |mut store, (body,): (Resource<IncomingBody>,)| {
            Ok((stream(store.data_mut(), &body)?,))
        })?
        .func("[static]incoming-body.finish", |mut store, (body,): (Resource<IncomingBody>,)| {
            let state = store.data_mut();
            let parts = state.wasi.http.parts_mut();
            let Some(Incoming { download, .. }) = parts.incoming.remove(body.rep()) else {
                return Err(too_many(state, "response bodies"));
            };
            let handle = parts.trailers.add(Trailers { download, taken: false });
            let handle = handle.ok_or_else(|| too_many(state, "trailers"))?;
            Ok((Resource::<FutureTrailers>::new_own(handle),))
        })?
        .resource_with::<FutureTrailers>("future-trailers", |state, future| {
            free_trailers(state, future.rep());
        })?
        .func("[method]future-trailers.subscribe", |mut store, (future,): (Resource<FutureTrailers>,)| {
            let state = store.data_mut();
            let trailers = state.wasi.http.parts_mut().trailers.get(future.rep());
            let ready = trailers.map_or(Ready::Now, |trailers| {
                Ready::Host(Arc::new(Drained(Arc::clone(&trailers.download))))
            });
            Ok((pollable(state, ready)?,))
        })?
        .func("[method]future-trailers.get", |mut store, (future,): (Resource<FutureTrailers>,)| {
            Ok((trailers(store.data_mut(), &future),))
        })?;
    Ok(())
}

/// Returns the stream of a body, once.
fn stream(
    state: &mut GuestState,
    body: &Resource<IncomingBody>,
) -> wasmtime::Result<Result<Resource<InputStream>, ()>> {
    let body = state.wasi.http.parts_mut().incoming.get_mut(body.rep());
    let Some(body) = body.filter(|body| !body.taken) else { return Ok(Err(())) };
    body.taken = true;
    let source: Arc<dyn Source> = Arc::clone(&body.download) as _;
    Ok(Ok(input_stream(state, Input::Source(source))?))
}

/// What `future-trailers.get` returns. The host passes no trailers on: there are none once the body has ended.
type GotTrailers = Option<Result<Result<Option<Resource<Fields>>, ErrorCode>, ()>>;

fn trailers(state: &mut GuestState, future: &Resource<FutureTrailers>) -> GotTrailers {
    let tasks = state.wasi.io.tasks();
    tasks.drive();
    let Some(trailers) = state.wasi.http.parts_mut().trailers.get_mut(future.rep()) else {
        return Some(Err(()));
    };
    if trailers.taken {
        return Some(Err(()));
    }
    let download = Arc::clone(&trailers.download);
    Drained(Arc::clone(&download)).begin(&tasks);
    let over = download.over(state)?;
    if let Some(trailers) = state.wasi.http.parts_mut().trailers.get_mut(future.rep()) {
        trailers.taken = true;
    }
    Some(Ok(over.map(|()| None)))
}
