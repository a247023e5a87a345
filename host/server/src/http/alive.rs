//! Keep-alives for slow responses, because proxies close silent connections. A stream of events gets a comment, and
//! JSON gets white space before it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use ringfence_front::answer;
use tokio::time::{Instant, Sleep};

use crate::app::App;
use crate::error::ServeError;
use crate::principal::Principal;

/// Silence after which a keep-alive is sent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A keep-alive on a stream of events.
pub(super) const LIFE: &[u8] = b": going on\n\n";

/// A timer for silence.
#[derive(Debug)]
pub(super) struct Quiet {
    most: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { most: KEEP_ALIVE, sleep: None }
    }
}

impl Quiet {
    /// Creates a timer that is always due.
    #[cfg(test)]
    pub(super) fn impatient() -> Self {
        Self { most: Duration::ZERO, sleep: None }
    }

    /// Polls the timer; ready when a keep-alive is due.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.most)));
        sleep.as_mut().poll(context)
    }

    /// Restarts the timer after a write.
    pub(super) fn reset(&mut self) {
        if let (Some(sleep), Some(at)) = (&mut self.sleep, Instant::now().checked_add(self.most)) {
            sleep.as_mut().reset(at);
        }
    }
}

/// Adds the headers of a stream of events, which proxies must not buffer.
pub(super) fn events_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
}

/// Returns the response for a report as JSON.
///
/// A slow report gets white space before it. Its status is then 200, even if the server fails later; the body is the
/// problem.
pub(super) fn json<F>(
    app: &App,
    principal: &Arc<Principal>,
    report: F,
) -> impl Future<Output = Result<Response, ServeError>>
where
    F: Future<Output = Result<Vec<u8>, ServeError>> + Send + 'static,
{
    // On the heap at once: it is large, and a future that holds it is moved several times.
    let slow = Slow::new(report);
    async move {
        let body = match slow.begin().await {
            Ok(report) => Body::from(app.work().answers.waiting(principal.account.answers(), report?)?),
            Err(slow) => Body::from_stream(Paid { slow, app: app.clone(), principal: Arc::clone(principal) }),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, answer::JSON);
        Ok(response)
    }
}

/// A pending report.
struct Slow<F> {
    report: Option<Pin<Box<F>>>,
    quiet: Quiet,
    /// Whether a keep-alive is due.
    due: bool,
}

type Report = Result<Vec<u8>, ServeError>;

impl<F: Future<Output = Report>> Slow<F> {
    fn new(report: F) -> Self {
        Self { report: Some(Box::pin(report)), quiet: Quiet::default(), due: false }
    }

    /// Waits for the report; returns itself if a keep-alive is due first.
    async fn begin(mut self) -> Result<Report, Self> {
        match std::future::poll_fn(|context| self.next(context)).await {
            Some(Some(report)) => Ok(report),
            _ => {
                self.due = true;
                Err(self)
            }
        }
    }

    /// Polls for the report, a keep-alive, or none after the report.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Option<Report>>> {
        let Some(report) = &mut self.report else { return Poll::Ready(None) };
        if let Poll::Ready(report) = report.as_mut().poll(context) {
            self.report = None;
            return Poll::Ready(Some(Some(report)));
        }
        if std::mem::take(&mut self.due) || self.quiet.poll(context).is_ready() {
            self.quiet.reset();
            return Poll::Ready(Some(None));
        }
        Poll::Pending
    }
}

/// A pending report as a body. Its bytes are charged to the caller until they are sent.
struct Paid<F> {
    slow: Slow<F>,
    app: App,
    principal: Arc<Principal>,
}

impl<F: Future<Output = Report>> Stream for Paid<F> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let report = match self.slow.next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(None)) => return Poll::Ready(Some(Ok(Bytes::from_static(b"\n")))),
            Poll::Ready(Some(Some(report))) => report,
        };
        let text = report.unwrap_or_else(|error| {
            error.log();
            serde_json::to_vec(&error.problem()).unwrap_or_default()
        });
        let waiting = self.app.work().answers.waiting(self.principal.account.answers(), text);
        Poll::Ready(Some(waiting.map_err(|error| std::io::Error::other(error.detail()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_late_report_is_preceded_by_signs_of_life() {
        let (sender, report) = tokio::sync::oneshot::channel();
        let report = async { report.await.map_err(|_| ServeError::Stopping) };
        let slow = Slow { report: Some(Box::pin(report)), quiet: Quiet::impatient(), due: false };
        let Err(mut slow) = slow.begin().await else { panic!("it is not there") };
        for _ in 0..3 {
            assert!(matches!(std::future::poll_fn(|context| slow.next(context)).await, Some(None)));
        }
        sender.send(b"{}".to_vec()).expect("it is waited for");
        let Some(Some(Ok(report))) = std::future::poll_fn(|context| slow.next(context)).await else {
            panic!("it is there");
        };
        assert_eq!(report, b"{}");
        assert!(std::future::poll_fn(|context| slow.next(context)).await.is_none());
    }

    #[tokio::test]
    async fn an_early_report_is_sent_alone() {
        let slow = Slow::new(async { Ok(b"{}".to_vec()) });
        assert!(matches!(slow.begin().await, Ok(Ok(report)) if report == b"{}"));
    }
}
