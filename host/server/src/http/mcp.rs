//! The route `/mcp`: stateless streamable HTTP with one message a request. This is the transport; `crate::mcp` is the
//! protocol.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_core::Stream;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ringfence_front::problem::whole_seconds;
use ringfence_front::request::{self, RequestError};
use rmcp::ErrorData;
use rmcp::model::ProtocolVersion;
use tokio::sync::mpsc;

use super::alive::{LIFE, Quiet, events_headers};
use super::{Caller, accepts, body};
use crate::app::App;
use crate::error::ServeError;
use crate::mcp::message::{self, Call, Message, text};
use crate::mcp::out::Notes;
use crate::mcp::protocol::{is_handshake, known, missing, negotiate, revision};
use crate::mcp::reply::Reply;
use crate::mcp::work::{Protocol, Sender, Work};
use crate::principal::Principal;
use crate::sizes::ENVELOPE;

/// Maximum number of messages that wait on a stream.
const NOTES: usize = 64;

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// The handler for a router.
pub(super) async fn endpoint(State(app): State<App>, caller: Caller, request: Request) -> Response {
    match answer(&app, &caller.0, request).await {
        Ok(response) => response,
        Err(error) => {
            let method = matches!(error, ServeError::Request(RequestError::Method { .. }));
            let mut response = error.into_response();
            if method {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            response
        }
    }
}

/// The media types that a client accepts.
#[derive(Debug, Clone, Copy)]
struct Takes {
    json: bool,
    events: bool,
}

async fn answer(app: &App, principal: &Arc<Principal>, request: Request) -> Result<Response, ServeError> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    if parts.method != Method::POST {
        return Err(ServeError::METHOD);
    }
    let takes =
        Takes { json: accepts(headers, "application/json"), events: accepts(headers, "text/event-stream") };
    if !takes.json && !takes.events {
        return Err(ServeError::NotAcceptable);
    }
    if !headers.get(CONTENT_TYPE).is_some_and(request::is_json) {
        return Err(RequestError::MediaType("application/json").into());
    }
    let (most, patience) = {
        let config = app.operator().config.load();
        (config.largest_input().saturating_add(ENVELOPE), config.listen.body_timeout.get())
    };
    let held = app.work().bodies.hold(principal.account.bodies());
    let (bytes, held) = body::read(headers, body, most, patience, held).await?;
    let (id, call) = match message::read(&bytes) {
        Ok(Message::Request(id, call)) => (id, call),
        Ok(Message::Notification(call)) => {
            return match notification(headers, &call)? {
                None => Ok(StatusCode::ACCEPTED.into_response()),
                Some(error) => told(app, principal, takes, Reply::error(None, &error)),
            };
        }
        Ok(Message::Response) => {
            let message = "this server sends no requests, so it accepts no responses";
            let reply = Reply::error(None, &ErrorData::invalid_request(message, None));
            return told(app, principal, takes, reply);
        }
        Err(wrong) => {
            let reply = Reply::error(wrong.id.as_ref(), &ErrorData::new(wrong.code, wrong.message, None));
            return told(app, principal, takes, reply);
        }
    };
    let revision = match agree(headers, &call)? {
        Ok(revision) => revision,
        Err(error) => {
            let reply = Reply::error(Some(&id), &error).with_status(StatusCode::BAD_REQUEST);
            return told(app, principal, takes, reply);
        }
    };
    let sender = Sender {
        principal: Arc::clone(principal),
        revision,
        by_token: true,
        limits: request::limits_text(headers)?.map(Arc::from),
    };
    let protocol = Protocol::new(app);
    // Without a stream of its own a client of the older revisions never hears of changes.
    let work = protocol.take(id, &call, &bytes, &sender, false);
    drop((bytes, held));
    let streams = match &work {
        Work::Done(_) | Work::List(_) => false,
        Work::Call(call) => call.token.is_some() && takes.events,
        Work::Rest(rest) => {
            if rest.listens && !takes.events {
                return Err(ServeError::NotAcceptable);
            }
            rest.listens
        }
    };
    let statuses = sender.is_modern();
    let reply = match work {
        Work::Done(reply) => reply,
        work => {
            let (notes, sent) = if streams {
                let (notes, sent) = mpsc::channel(NOTES);
                (Some(Notes::Stream(notes)), Some(sent))
            } else {
                (None, None)
            };
            let answer = async move { protocol.finish(work, notes).await };
            match Live::new(answer, sent).begin().await {
                Begun::Ended(reply) => reply,
                Begun::GoesOn(live) => {
                    let (app, principal) = (app.clone(), Arc::clone(principal));
                    let mut response =
                        Response::new(Body::from_stream(Told { live: Some(live), takes, app, principal }));
                    let headers = response.headers_mut();
                    if takes.events {
                        events_headers(headers);
                    } else {
                        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                    }
                    return Ok(response);
                }
            }
        }
    };
    // The older revisions tell errors in the message alone.
    let kept = statuses || reply.retry.is_some() || reply.status == StatusCode::BAD_REQUEST;
    let reply = if kept { reply } else { reply.with_status(StatusCode::OK) };
    told(app, principal, takes, reply)
}

/// Returns a whole response in a form that the client accepts.
fn told(app: &App, principal: &Principal, takes: Takes, reply: Reply) -> Result<Response, ServeError> {
    let Reply { text, status, retry } = reply;
    let text = if takes.json { text } else { event(&text) };
    let text = app.work().answers.waiting(principal.account.answers(), text)?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if takes.json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    } else {
        events_headers(headers);
    }
    if let Some(wait) = retry {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    Ok(response)
}

/// Formats a message as an event. JSON has no line breaks, so guest text cannot begin a line.
fn event(text: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(text.len().saturating_add(32));
    event.extend_from_slice(b"event: message\ndata: ");
    event.extend_from_slice(text);
    event.extend_from_slice(b"\n\n");
    event
}

/// Returns the revision of a request, whose headers and message must agree.
///
/// The inner error is one of the protocol, the outer one of the transport.
fn agree(
    headers: &HeaderMap,
    call: &Call<'_>,
) -> Result<Result<&'static ProtocolVersion, ErrorData>, ServeError> {
    let said = version_header(headers)?;
    if is_handshake(call) {
        let asked = call.params.protocol_version.and_then(text);
        if let (Some(said), Some(asked)) = (said, &asked)
            && *said != **asked
        {
            let (said, asked) = (ringfence::text::clean(said, 40), ringfence::text::clean(asked, 40));
            let message = format!(
                "`MCP-Protocol-Version` is {said}, but `protocolVersion` is {asked}; send the same version in both"
            );
            return Ok(Err(ErrorData::invalid_request(message, None)));
        }
        return Ok(standard_headers(headers, said, call).and_then(|()| negotiate(call)));
    }
    let own = call.params.version();
    let session = match (said, &own) {
        (Some(said), None) => Some(known(said).ok_or_else(|| {
            let said = ringfence::text::clean(said, 40);
            let all: Vec<&str> =
                ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str).collect();
            ServeError::bad_request(format!(
                "unsupported `MCP-Protocol-Version` {said}; send one of {}",
                all.join(", ")
            ))
        })?),
        (None, None) => Some(const { &ProtocolVersion::V_2025_03_26 }),
        (_, Some(_)) => None,
    };
    let checked = || {
        standard_headers(headers, said, call)?;
        if call.params.version().is_none() && session.is_some_and(|session| !session.has_initialize()) {
            return Err(missing(&call.params));
        }
        let mismatch = |message: String| ErrorData::header_mismatch(message, None);
        match (said, &own) {
            (None, Some(_)) => Err(mismatch(
                "missing header `MCP-Protocol-Version`; send the version that `_meta` names".to_owned(),
            )),
            (Some(said), Some(own)) if *said != **own => {
                let (said, own) = (ringfence::text::clean(said, 40), ringfence::text::clean(own, 40));
                Err(mismatch(format!(
                    "`MCP-Protocol-Version` is {said}, but `_meta` names {own}; send the same version in both"
                )))
            }
            _ => revision(call, session),
        }
    };
    Ok(checked())
}

fn version_header(headers: &HeaderMap) -> Result<Option<&str>, ServeError> {
    let unreadable =
        |_| ServeError::bad_request("the header `MCP-Protocol-Version` is not ASCII text".to_owned());
    headers.get(VERSION).map(HeaderValue::to_str).transpose().map_err(unreadable)
}

/// Checks the headers of a notification.
fn notification(headers: &HeaderMap, call: &Call<'_>) -> Result<Option<ErrorData>, ServeError> {
    let said = version_header(headers)?;
    Ok(standard_headers(headers, said, call).err())
}

/// Checks the headers that revisions from 2026-07-28 on repeat for routers that do not read messages.
fn standard_headers(headers: &HeaderMap, said: Option<&str>, call: &Call<'_>) -> Result<(), ErrorData> {
    if said.is_none_or(|said| said < ProtocolVersion::STANDARD_HEADERS.as_str()) {
        return Ok(());
    }
    let mismatch = |message: String| Err(ErrorData::header_mismatch(message, None));
    let method = match one(headers, METHOD) {
        Ok(method) => method,
        Err(message) => return mismatch(message),
    };
    match method {
        // A client knows only after the handshake that it must send them.
        None if call.method == "initialize" => return Ok(()),
        None => return mismatch("missing header `Mcp-Method`; send the `method` of the message".to_owned()),
        Some(method) if *method != *call.method => {
            let method = ringfence::text::clean(method, 80);
            return mismatch(format!(
                "the header `Mcp-Method` is `{method}`, but the message has another `method`; send the same"
            ));
        }
        Some(_) => {}
    }
    let named = match &*call.method {
        "tools/call" | "prompts/get" => call.params.name,
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => call.params.uri,
        _ => None,
    };
    let Some(named) = named.and_then(text) else { return Ok(()) };
    let name = match one(headers, NAME) {
        Ok(Some(name)) => unwrapped(name),
        Ok(None) => {
            return mismatch(
                "missing header `Mcp-Name`; send the name or URI in the message's `params`".to_owned(),
            );
        }
        Err(message) => return mismatch(message),
    };
    if name.as_deref() == Some(&*named) {
        return Ok(());
    }
    mismatch(
        "the header `Mcp-Name` differs from the name or URI in the message's `params`; send the same"
            .to_owned(),
    )
}

/// Returns the value of a header; fails if it has several.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| format!("the header `{name}` is not ASCII text"))
        }
        (Some(_), Some(_)) => Err(format!("the header `{name}` occurs twice; send it once")),
    }
}

/// Decodes a name from a header, where it is plain or base64.
fn unwrapped(name: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = name.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(name));
    };
    String::from_utf8(base64(inner.as_bytes())?).ok().map(Cow::Owned)
}

/// Decodes standard base64 with padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| -> Option<u32> {
        let at = |first: u8, base: u32| u32::from(byte).checked_sub(first.into())?.checked_add(base);
        match byte {
            b'A'..=b'Z' => at(b'A', 0),
            b'a'..=b'z' => at(b'a', 26),
            b'0'..=b'9' => at(b'0', 52),
            b'+' => Some(62),
            b'/' => Some(63),
            _ => None,
        }
    };
    let mut bytes = Vec::new();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len().saturating_sub(padding))?;
    for group in digits.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for at in 0..4 {
            bits = bits << 6 | group.get(at).map_or(Some(0), |byte| digit(*byte))?;
        }
        let whole = group.len().saturating_sub(1);
        bytes.extend(bits.to_be_bytes().into_iter().skip(1).take(whole));
    }
    Some(bytes)
}

/// A pending response.
struct Live<F> {
    answer: Pin<Box<F>>,
    notes: Option<mpsc::Receiver<Vec<u8>>>,
    /// The message that was read ahead.
    first: Option<Vec<u8>>,
    reply: Option<Reply>,
    quiet: Quiet,
}

/// The beginning of a response.
enum Begun<F> {
    /// The response is complete.
    Ended(Reply),
    /// Something must be sent before the response.
    GoesOn(Live<F>),
}

/// The next item of a stream.
enum Next {
    Note(Vec<u8>),
    Reply(Reply),
    /// A keep-alive.
    Life,
}

impl<F: Future<Output = Reply>> Live<F> {
    fn new(answer: F, notes: Option<mpsc::Receiver<Vec<u8>>>) -> Self {
        Self { answer: Box::pin(answer), notes, first: None, reply: None, quiet: Quiet::default() }
    }

    /// Waits for the response, a message before it, or a due keep-alive.
    async fn begin(mut self) -> Begun<F> {
        match std::future::poll_fn(|context| self.next(context)).await {
            Next::Reply(reply) => Begun::Ended(reply),
            Next::Life => Begun::GoesOn(self),
            Next::Note(note) => {
                self.first = Some(note);
                Begun::GoesOn(self)
            }
        }
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if let Some(note) = self.first.take() {
            return Poll::Ready(Next::Note(note));
        }
        if self.reply.is_none()
            && let Poll::Ready(reply) = self.answer.as_mut().poll(context)
        {
            self.reply = Some(reply);
        }
        if let Some(notes) = &mut self.notes {
            match notes.poll_recv(context) {
                Poll::Ready(Some(note)) => return Poll::Ready(Next::Note(note)),
                // All that were sent have been taken.
                Poll::Ready(None) => self.notes = None,
                Poll::Pending => {}
            }
        }
        if let Some(reply) = self.reply.take() {
            return Poll::Ready(Next::Reply(reply));
        }
        self.quiet.poll(context).map(|()| Next::Life)
    }
}

/// The rest of a response as a body. Its bytes are charged to the caller until they are sent.
struct Told<F> {
    live: Option<Live<F>>,
    takes: Takes,
    app: App,
    principal: Arc<Principal>,
}

impl<F: Future<Output = Reply>> Stream for Told<F> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let events = self.takes.events;
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        let Poll::Ready(next) = live.next(context) else { return Poll::Pending };
        live.quiet.reset();
        let text = match next {
            Next::Life => {
                return Poll::Ready(Some(Ok(Bytes::from_static(if events { LIFE } else { b"\n" }))));
            }
            Next::Note(note) => event(&note),
            Next::Reply(reply) => {
                self.live = None;
                if events { event(&reply.text) } else { reply.text }
            }
        };
        let waiting = self.app.work().answers.waiting(self.principal.account.answers(), text);
        // Who takes nothing of so much is cut off.
        let waiting = waiting.map_err(|error| std::io::Error::other(error.detail()));
        if waiting.is_err() {
            self.live = None;
        }
        Poll::Ready(Some(waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_call_sends_signs_of_life_before_its_answer() {
        let (sender, reply) = tokio::sync::oneshot::channel::<Reply>();
        let reply = async { reply.await.expect("it is sent") };
        let (notes, sent) = mpsc::channel(NOTES);
        let live = Live { quiet: Quiet::impatient(), ..Live::new(reply, Some(sent)) };
        let Begun::GoesOn(mut live) = live.begin().await else { panic!("it is not there") };
        let mut next = async || {
            let next = std::future::poll_fn(|context| live.next(context)).await;
            live.quiet.reset();
            next
        };
        assert!(matches!(next().await, Next::Life));
        // What was told before the answer comes before it.
        notes.send(b"{}".to_vec()).await.expect("there is room");
        let id = ErrorData::invalid_request("none", None);
        sender.send(Reply::error(None, &id)).map_err(drop).expect("it is waited for");
        assert!(matches!(next().await, Next::Note(note) if note == b"{}"));
        drop(notes);
        assert!(matches!(next().await, Next::Reply(_)));
    }

    #[test]
    fn names_in_headers() {
        let rows = [
            ("echo_echo", Some("echo_echo")),
            ("=?base64?ZWNobw==?=", Some("echo")),
            ("=?base64?ZWNo?=", Some("ech")),
            ("=?base64?w7Y=?=", Some("ö")),
            ("=?base64??=", Some("")),
            ("=?base64?ZWNobw=?=", None),
            ("=?base64?ZW-h?=", None),
            ("=?base64?====?=", None),
            ("=?base64?Z===?=", None),
            ("=?base64?//8=?=", None),
        ];
        for (header, name) in rows {
            assert_eq!(unwrapped(header).as_deref(), name, "{header}");
        }
    }
}
