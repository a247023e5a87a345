//! A run told as it goes on, as server-sent events: `log`, `progress`, `chunk`, and the report as the last one.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ringfence::{Event, Report};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::problem::{Problem, log};
use crate::app::App;
use crate::error::ServeError;
use crate::run::{Listened, Next};

/// A comment is sent when nothing else was for so long, so that whoever stands between does not give up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Begins to tell. What refuses the call before it runs is a problem, as without a stream.
pub(crate) async fn respond(app: &App, mut run: Listened) -> Result<Response, ServeError> {
    // The first poll checks the input and admits the run: an error is there at once, or there is none.
    let first = match poll_once(run.next()).await {
        Some(Some(Next::End(Err(error)))) => return Err(error),
        first => first,
    };
    let ended = matches!(first, Some(None | Some(Next::End(_))));
    let first = first.flatten().map(text);
    let events = (!ended).then(|| {
        let (sender, events) = unbounded_channel();
        app.background.spawn(go_on(run, sender));
        events
    });
    let quiet = Box::pin(tokio::time::sleep(KEEP_ALIVE));
    let mut response = Response::new(Body::from_stream(Told { first, events, quiet }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Polls a future that can be polled anew: nothing that it found is lost if it is dropped.
async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Lets the run go on by itself, so that its limits hold however slowly its events are taken; what waits to be taken is
/// bounded by the limits on log and output. When nobody can take it any more, the run is dropped.
async fn go_on(mut run: Listened, events: UnboundedSender<String>) {
    loop {
        let next = tokio::select! {
            biased;
            () = events.closed() => return,
            next = run.next() => next,
        };
        let Some(next) = next else { return };
        let ended = matches!(next, Next::End(_));
        if events.send(text(next)).is_err() || ended {
            return;
        }
    }
}

/// The events as bytes. Dropped when the connection is closed.
struct Told {
    first: Option<String>,
    /// None when the first was the last.
    events: Option<UnboundedReceiver<String>>,
    quiet: Pin<Box<tokio::time::Sleep>>,
}

impl Stream for Told {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Bytes::from(first))));
        }
        let Some(events) = &mut self.events else { return Poll::Ready(None) };
        let next = events.poll_recv(context).map(|event| event.map(|event| Ok(Bytes::from(event))));
        if next.is_pending() && self.quiet.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if let Some(at) = tokio::time::Instant::now().checked_add(KEEP_ALIVE) {
            self.quiet.as_mut().reset(at);
        }
        match next {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending => Poll::Ready(Some(Ok(Bytes::from_static(b": going on\n\n")))),
        }
    }
}

/// An event in the form of the stream. JSON has no line breaks, so guest text cannot begin a line.
fn text(next: Next) -> String {
    let (event, data) = match next {
        Next::Event(Event::Log(line)) => ("log", serde_json::to_string(&line)),
        Next::Event(Event::Progress { done, total, note }) => {
            ("progress", serde_json::to_string(&json!({"done": done, "total": total, "note": note})))
        }
        Next::Event(Event::Chunk(chunk)) => ("chunk", serde_json::to_string(&Value::String(chunk))),
        Next::Event(_) => return String::new(),
        Next::End(Ok(report)) => ("report", serde_json::to_string::<Report>(&report)),
        Next::End(Err(error)) => {
            log(&error);
            ("problem", serde_json::to_string(&Problem::of(&error)))
        }
    };
    format!("event: {event}\ndata: {}\n\n", data.unwrap_or_default())
}
