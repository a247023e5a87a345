//! Streams a run as server-sent events: `log`, `progress`, `chunk`, and finally `report`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use ringfence::{Event, Report};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::alive::{LIFE, Quiet, events_headers};
use crate::run::Next;

/// Returns the streaming response. A refusal before the run is a problem, as without a stream.
pub(crate) fn respond(events: UnboundedReceiver<Next>) -> Response {
    let quiet = Quiet::default();
    let mut response = Response::new(Body::from_stream(Told { events, quiet }));
    events_headers(response.headers_mut());
    response
}

/// The events as a body, which is dropped when the connection closes.
struct Told {
    events: UnboundedReceiver<Next>,
    quiet: Quiet,
}

impl Stream for Told {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.events.poll_recv(context).map(|next| next.map(|next| Ok(Bytes::from(text(next)))));
        if next.is_pending() && self.quiet.poll(context).is_pending() {
            return Poll::Pending;
        }
        self.quiet.reset();
        match next {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending => Poll::Ready(Some(Ok(Bytes::from_static(LIFE)))),
        }
    }
}

/// Formats an event. JSON has no line breaks, so guest text cannot begin a line.
fn text(next: Next) -> String {
    let (event, data) = match next {
        Next::Event(Event::Log(line)) => ("log", serde_json::to_string(&line)),
        Next::Event(Event::Progress { done, total, note }) => {
            ("progress", serde_json::to_string(&json!({"done": done, "total": total, "note": note})))
        }
        Next::Event(Event::Chunk(chunk)) => ("chunk", serde_json::to_string(&Value::String(chunk))),
        Next::Event(_) => return String::new(),
        Next::End(ended) => match *ended {
            Ok(report) => ("report", serde_json::to_string::<Report>(&report)),
            Err(error) => {
                error.log();
                ("problem", serde_json::to_string(&error.problem()))
            }
        },
    };
    format!("event: {event}\ndata: {}\n\n", data.unwrap_or_default())
}
