//! `ringfence:skill/http`: requests through the run's grant. Version 0.1.0 is a part of version 0.2.0.

mod body;
mod wit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::{ComponentType, Lift, Lower, Resource};

pub(crate) use self::body::Bodies;
use self::body::Body;
use self::wit::{Error, Head, OldError, OldRequest, OldResponse, Request, Response};
use super::join::join;
use super::{GrantedInterface, HostCall, Registry, Stub, Transfer};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{
    Capability, DenialKind, Http, HttpError, HttpHead, HttpLimit, HttpRequest, HttpResponse, Spent,
};
use crate::limits::HOST_CALL_BYTES;
use crate::state::{GuestState, Stop};

/// Maximum number of requests of one `fetch-many`.
const REQUESTS: usize = 256;

/// The implementation that a run is granted, and the run.
pub(crate) struct Client {
    http: Option<Arc<dyn Http>>,
    call: HostCall,
}

/// The end of an exchange, and what it took.
pub(crate) struct Exchanged<T> {
    pub(crate) result: Result<T, HttpError>,
    /// Method and URL, if it was denied.
    denied: Option<String>,
    spent: Spent,
}

/// The end of a request whose whole response was wanted.
type Fetched = Exchanged<(HttpHead, Vec<u8>)>;

impl<T> Exchanged<T> {
    /// Makes something of the response.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Exchanged<U> {
        Exchanged { result: self.result.map(f), denied: self.denied, spent: self.spent }
    }
}

impl Client {
    /// Counts a request whose body counts for itself, as the guest writes it.
    pub(crate) fn begin_streamed(state: &mut GuestState, request: &HttpRequest) -> Self {
        let sent = request_bytes(request).saturating_sub(request.body.len() as u64);
        state.spend(Capability::Http, Spent { calls: 1, sent, ..Spent::default() });
        Self { http: state.granted.http.clone(), call: HostCall::of(state) }
    }

    /// Sends a request, and waits for the head of the response, for a time at most.
    pub(crate) async fn open_within(
        self,
        request: HttpRequest,
        time: Option<Duration>,
    ) -> Exchanged<HttpResponse> {
        let Some(time) = time else { return self.open(request).await };
        match tokio::time::timeout(time, self.open(request)).await {
            Ok(exchanged) => exchanged,
            Err(_) => {
                let spent = Spent { wait: time, ..Spent::default() };
                Exchanged { result: Err(HttpError::Timeout), denied: None, spent }
            }
        }
    }

    /// Counts requests before they are sent, so that those of a run that ends meanwhile are in its usage.
    fn begin(state: &mut GuestState, requests: &[HttpRequest]) -> Self {
        let sent = requests.iter().map(request_bytes).fold(0, u64::saturating_add);
        state.spend(Capability::Http, Spent { calls: requests.len() as u64, sent, ..Spent::default() });
        Self { http: state.granted.http.clone(), call: HostCall::of(state) }
    }

    /// Sends a request, and waits for the head of the response.
    async fn open(&self, request: HttpRequest) -> Exchanged<HttpResponse> {
        let begun = Instant::now();
        // A query can hold what is nobody else's business.
        let url = request.url.split(['?', '#']).next().unwrap_or_default();
        let wanted = format!("{} {}", head_of(&request.method), head_of(url));
        let result = match &self.http {
            Some(http) => http.send(&self.call, request).await,
            None => Err(HttpError::Denied { kind: DenialKind::NoGrant, reason: "no grant for http".into() }),
        };
        let received = result.as_ref().map_or(0, |response| head_bytes(&response.head));
        let refused = matches!(result, Err(HttpError::Denied { .. } | HttpError::Unavailable { .. }));
        let denied = refused.then_some(wanted);
        Exchanged { result, denied, spent: Spent { received, wait: begun.elapsed(), ..Spent::default() } }
    }

    /// Sends a request, and waits for the whole response, as far as there is `room` for it.
    async fn fetch(&self, request: HttpRequest, room: &Room) -> Fetched {
        let begun = Instant::now();
        let Exchanged { result, denied, mut spent } = self.open(request).await;
        let result = match result {
            Ok(mut response) => {
                let mut body = Vec::new();
                let read = match room.take_head(&response.head) {
                    Ok(()) => read_whole(&mut response, &mut body, room).await,
                    Err(error) => Err(error),
                };
                spent.received = spent.received.saturating_add(body.len() as u64);
                read.map(|()| (response.head, body))
            }
            Err(error) => Err(error),
        };
        spent.wait = begun.elapsed();
        Exchanged { result, denied, spent }
    }

    async fn fetch_one(self, request: HttpRequest) -> Fetched {
        self.fetch(request, &Room::new()).await
    }

    /// Sends requests at once.
    async fn fetch_many(self, requests: Vec<HttpRequest>) -> Vec<Fetched> {
        let room = Room::new();
        join(requests.into_iter().map(|request| self.fetch(request, &room)).collect()).await
    }
}

/// What the responses of one call can still take: until its last response is there, the host holds all of them.
struct Room {
    heads: AtomicU64,
    bodies: AtomicU64,
}

impl Room {
    fn new() -> Self {
        Self { heads: AtomicU64::new(HOST_CALL_BYTES), bodies: AtomicU64::new(HOST_CALL_BYTES) }
    }

    fn take_head(&self, head: &HttpHead) -> Result<(), HttpError> {
        const FULL: &str = "the headers of one call are more than 1 MiB; send fewer requests at once";
        if take(&self.heads, head_bytes(head)) {
            Ok(())
        } else {
            Err(HttpError::Limit(HttpLimit::Other, FULL.into()))
        }
    }

    fn take_piece(&self, piece: &[u8]) -> Result<(), HttpError> {
        const FULL: &str =
            "the bodies of one call are more than 1 MiB; read a large one in pieces with `open`";
        if take(&self.bodies, piece.len() as u64) {
            Ok(())
        } else {
            Err(HttpError::Limit(HttpLimit::Other, FULL.into()))
        }
    }
}

/// Takes bytes from what is left. False, and nothing taken, if less is left.
pub(super) fn take(left: &AtomicU64, bytes: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}

async fn read_whole(response: &mut HttpResponse, body: &mut Vec<u8>, room: &Room) -> Result<(), HttpError> {
    while let Some(piece) = response.body.next(PIECE).await? {
        room.take_piece(&piece)?;
        body.extend_from_slice(&piece);
    }
    Ok(())
}

/// Bytes that are asked of a body at once.
const PIECE: usize = 64 << 10;

/// Starts `fetch`.
fn begin_one(state: &mut GuestState, request: HttpRequest) -> impl Future<Output = Fetched> + Send + use<> {
    Client::begin(state, std::slice::from_ref(&request)).fetch_one(request)
}

/// Starts `fetch-many`; the future is none if there are too many requests.
fn begin_many(
    state: &mut GuestState,
    requests: Vec<HttpRequest>,
) -> impl Future<Output = Option<Vec<Fetched>>> + Send + use<> {
    let begun = (requests.len() <= REQUESTS).then(|| (Client::begin(state, &requests), requests));
    async move {
        let (client, requests) = begun?;
        Some(client.fetch_many(requests).await)
    }
}

fn request_bytes(request: &HttpRequest) -> u64 {
    let parts = [request.method.len(), request.url.len(), request.body.len()];
    parts.into_iter().map(|bytes| bytes as u64).fold(headers(&request.headers), u64::saturating_add)
}

fn headers(headers: &[(String, Vec<u8>)]) -> u64 {
    let bytes = |(name, value): &(String, Vec<u8>)| (name.len() as u64).saturating_add(value.len() as u64);
    headers.iter().map(bytes).fold(0, u64::saturating_add)
}

fn head_bytes(head: &HttpHead) -> u64 {
    headers(&head.headers).saturating_add(head.url.len() as u64)
}

/// The first 512 bytes of a text that a report can quote.
fn head_of(text: &str) -> &str {
    text.get(..text.floor_char_boundary(512)).unwrap_or_default()
}

/// Records what an exchange took, and why it was denied.
pub(crate) fn record<T>(state: &mut GuestState, exchanged: Exchanged<T>) -> Result<T, HttpError> {
    state.spend(Capability::Http, exchanged.spent);
    let denied = match &exchanged.result {
        Err(HttpError::Denied { kind, reason }) => Some((*kind, reason)),
        Err(HttpError::Unavailable { reason, .. }) => Some((DenialKind::Unavailable, reason)),
        Ok(_)
        | Err(HttpError::Invalid(_) | HttpError::Limit(..) | HttpError::Timeout | HttpError::Failed(..)) => {
            None
        }
    };
    if let (Some((kind, reason)), Some(wanted)) = (denied, &exchanged.denied) {
        state.deny(Capability::Http, wanted, kind, reason);
    }
    exchanged.result
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    let by_grant = Access::ByGrant;
    link_fetch::<OldRequest, OldResponse, OldError>(&mut registry.granted(
        "ringfence:skill/http@0.1.0",
        by_grant,
        Stub::Refuse,
    )?)?;
    link_fetch::<Request, Response, Error>(&mut registry.granted(
        "ringfence:skill/http@0.2.0",
        by_grant,
        Stub::Refuse,
    )?)?
    .resource_with::<Body>("body", |state, body| state.bodies.remove(body.rep()))?
    .func_async(
        "open",
        |state, (request,): (Request,)| {
            let request = HttpRequest::from(request);
            let client = Client::begin(state, std::slice::from_ref(&request));
            async move { client.open(request).await }
        },
        |state, opened| {
            let HttpResponse { head, body } = match record(state, opened) {
                Ok(response) => response,
                Err(error) => return Ok((Err(Error::from(error)),)),
            };
            match state.bodies.add(body) {
                Some(body) => Ok((Ok((Head::from(head), body)),)),
                None => Err(too_many(state)),
            }
        },
    )?
    .func_async(
        "[method]body.read",
        |state, (body, max): (Resource<Body>, u32)| {
            let (handle, taken) = (body.rep(), state.bodies.take(body.rep()));
            let max = usize::try_from(u64::from(max).clamp(1, HOST_CALL_BYTES)).unwrap_or(PIECE);
            let begun = Instant::now();
            async move {
                // The engine knows the handle, and a call ends before the next begins: the body is there.
                let mut body = taken?;
                let piece = body.next(max).await;
                Some((handle, body, piece, begun.elapsed()))
            }
        },
        |state, read| {
            let Some((handle, body, piece, wait)) = read else {
                return Err(state.stop(Stop::Trap("abi-violation", "a body is read twice at once".into())));
            };
            state.bodies.put(handle, body);
            let received = piece.as_ref().map_or(0, |piece| piece.as_ref().map_or(0, Vec::len)) as u64;
            state.spend(Capability::Http, Spent { received, wait, ..Spent::default() });
            Ok((piece.map(Option::unwrap_or_default).map_err(Error::from),))
        },
    )?;
    Ok(())
}

/// Adds the functions that return whole responses, in the types of a version.
fn link_fetch<'i, 'a, Q, R, E>(
    http: &'i mut GrantedInterface<'a>,
) -> Result<&'i mut GrantedInterface<'a>, HostError>
where
    Q: ComponentType + Lift + Transfer + Into<HttpRequest> + 'static,
    R: ComponentType + Lower + Transfer + From<(HttpHead, Vec<u8>)> + Send + 'static,
    E: ComponentType + Lower + Transfer + From<HttpError> + Send + 'static,
{
    let answer =
        |state: &mut GuestState, fetched: Fetched| record(state, fetched).map(R::from).map_err(E::from);
    http.func_async(
        "fetch",
        |state, (request,): (Q,)| begin_one(state, request.into()),
        move |state, fetched| Ok((answer(state, fetched),)),
    )?
    .func_async(
        "fetch-many",
        |state, (requests,): (Vec<Q>,)| begin_many(state, requests.into_iter().map(Q::into).collect()),
        move |state, fetched| {
            let many =
                || HttpError::Limit(HttpLimit::Other, format!("a call sends at most {REQUESTS} requests"));
            let Some(fetched) = fetched else { return Ok((Err(E::from(many())),)) };
            Ok((Ok(fetched.into_iter().map(|one| answer(state, one)).collect::<Vec<_>>()),))
        },
    )
}

fn too_many(state: &mut GuestState) -> wasmtime::Error {
    state.stop(Stop::Trap("too-many-handles", "more than 1,000 responses whose bodies are open".into()))
}
