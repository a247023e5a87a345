//! The response: its head, and a body that arrives in pieces under its caps and the deadline.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame};
use ringfence_policy::RuleId;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::count::Count;
use crate::error::{BadResponse, EgressError, Limit};
use crate::exchange::{Link, failed};
use crate::pool::{Key, Pool};
use crate::secret::ScrubStream;
use crate::stream::Wire;

/// Most bytes of one piece of a response body.
pub const PIECE: usize = 64 << 10;

/// The response of a server.
#[derive(Debug)]
pub struct Incoming {
    /// The status.
    pub status: StatusCode,
    /// The headers, without those about the connection. Secrets are scrubbed from them.
    pub headers: HeaderMap,
    /// The URL that responded. It differs from the one that the caller passed after a redirect.
    pub final_url: String,
    /// The redirects that were followed.
    pub redirects: u32,
    /// The grant of the last hop.
    pub rule: RuleId,
    /// The body.
    pub body: ResponseBody,
}

/// The body of a response. Dropping it before its end closes the connection.
///
/// It arrives in pieces of at most [`PIECE`] bytes. The door reads the next piece only when the caller requests it.
pub struct ResponseBody {
    pub(crate) body: hyper::body::Incoming,
    pub(crate) link: Option<Link>,
    pub(crate) wire: Option<Wire>,
    /// Where the connection goes after the last byte.
    pub(crate) home: Option<(Arc<Pool>, Key)>,
    /// The part of a frame that is larger than a piece.
    pub(crate) rest: Bytes,
    pub(crate) deadline: Instant,
    pub(crate) alarm: Option<Pin<Box<Sleep>>>,
    pub(crate) scrub: Option<ScrubStream>,
    /// The bytes that came, until the end of the body.
    pub(crate) count: Option<Count>,
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("count", &self.count).finish_non_exhaustive()
    }
}

impl ResponseBody {
    /// Waits for the next piece. Returns `None` at the end of the body.
    ///
    /// # Errors
    ///
    /// Fails with [`Limit::ResponseBody`] and other limits, [`EgressError::Timeout`], and if the connection fails. No
    /// piece follows an error.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, EgressError> {
        poll_fn(|context| self.poll_piece(context)).await.transpose()
    }

    /// Collects the rest of the body, up to `most` bytes.
    ///
    /// # Errors
    ///
    /// Fails like [`Self::piece`], and with [`Limit::ResponseBody`] for a longer body.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, EgressError> {
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        if first.len() > most {
            return Err(Limit::ResponseBody.into());
        }
        let Some(second) = self.piece().await? else { return Ok(first) };
        let mut whole = first.to_vec();
        let mut next = Some(second);
        while let Some(piece) = next {
            if whole.len().saturating_add(piece.len()) > most {
                return Err(Limit::ResponseBody.into());
            }
            whole.extend_from_slice(&piece);
            next = self.piece().await?;
        }
        Ok(whole.into())
    }

    /// Polls for the next piece.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, EgressError>>> {
        let polled = self.poll_unlimited(context);
        match &polled {
            Poll::Ready(None | Some(Err(_))) => self.end(),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Pending => {
                let deadline = self.deadline;
                let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                if alarm.as_mut().poll(context).is_ready() {
                    self.end();
                    return Poll::Ready(Some(Err(EgressError::Timeout)));
                }
            }
        }
        polled
    }

    /// Closes the connection and returns the permit.
    fn end(&mut self) {
        self.link = None;
        self.count = None;
        self.scrub = None;
    }

    /// Keeps the connection for the next request, if the server does as well.
    fn keep(&mut self, context: &mut Context<'_>) {
        if let (Some(mut link), Some((pool, key))) = (self.link.take(), self.home.take())
            && link.connection.as_mut().poll(context).is_pending()
            && link.sender.is_ready()
        {
            pool.put(key, link);
        }
    }

    fn poll_unlimited(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, EgressError>>> {
        if let Some(wire) = &self.wire {
            wire.begin_turn();
        }
        loop {
            if !self.rest.is_empty() {
                let piece = self.rest.split_to(self.rest.len().min(PIECE));
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.count.is_none() {
                return Poll::Ready(None);
            }
            if Instant::now() >= self.deadline {
                return Poll::Ready(Some(Err(EgressError::Timeout)));
            }
            if let Some(link) = &mut self.link
                && link.connection.as_mut().poll(context).is_ready()
            {
                // An error of the connection reaches the body as well.
                self.link = None;
            }
            let data = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Err(_)) if self.wire.as_ref().is_some_and(Wire::is_padded) => {
                    return Poll::Ready(Some(Err(EgressError::Response(BadResponse::Padded))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(failed(&error)))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    // Trailers are dropped.
                    Err(_) => continue,
                },
                None => {
                    let last = self.scrub.take().map(ScrubStream::finish).unwrap_or_default();
                    self.keep(context);
                    self.end();
                    if last.is_empty() {
                        return Poll::Ready(None);
                    }
                    self.rest = last;
                    continue;
                }
            };
            if let Some(Err(limit)) = self.count.as_mut().map(|count| count.add(data.len())) {
                return Poll::Ready(Some(Err(limit.into())));
            }
            if let Some(wire) = &self.wire {
                wire.add_content(u64::try_from(data.len()).unwrap_or(u64::MAX));
            }
            self.rest = match &mut self.scrub {
                Some(scrub) => scrub.push(data),
                None => data,
            };
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        self.get_mut().poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
