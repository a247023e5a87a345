//! One request and one response over one connection, without a task of its own: whoever waits drives the connection.

use std::error::Error as _;
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::error::{BadResponse, EgressError, Limit};
use crate::outgoing::{RequestRefusal, SentBody};
use crate::stream::{Metered, Stream, Wire};

/// A connection that its user polls.
pub(crate) type Connection = Pin<Box<http1::Connection<TokioIo<Metered>, SentBody>>>;

/// Caps on the head of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLimits {
    /// Most headers. Default: 100.
    pub count: usize,
    /// Most bytes of all headers together, and of the buffer of a connection; at least 8 KiB. Default: 64 KiB.
    pub bytes: usize,
}

impl Default for HeaderLimits {
    fn default() -> Self {
        Self { count: 100, bytes: 64 << 10 }
    }
}

/// An open connection with its sender.
pub(crate) struct Link {
    pub(crate) sender: http1::SendRequest<SentBody>,
    pub(crate) connection: Connection,
    pub(crate) wire: Wire,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// Begins to speak HTTP over a stream.
pub(crate) async fn open(stream: Stream, limits: HeaderLimits) -> Result<Link, EgressError> {
    let mut builder = http1::Builder::new();
    let buffer = limits.bytes.max(8192);
    builder.max_buf_size(buffer);
    if limits.count != 100 {
        builder.max_headers(limits.count);
    }
    // Room for a head, for what was read ahead, for trailers, and for some informational responses.
    let wire = Wire::new(u64::try_from(buffer).unwrap_or(u64::MAX).saturating_mul(4));
    let stream = Metered::new(stream, wire.clone());
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    Ok(Link { sender, connection: Box::pin(connection), wire })
}

/// Why no response came.
pub(crate) struct Failed {
    pub(crate) error: EgressError,
    /// The connection ended before a response, as an idle one does that its server gives up.
    pub(crate) ended: bool,
}

impl From<EgressError> for Failed {
    fn from(error: EgressError) -> Self {
        Self { error, ended: false }
    }
}

impl From<&hyper::Error> for Failed {
    fn from(error: &hyper::Error) -> Self {
        let ours = failed(error);
        let broken = matches!(ours, EgressError::Broken(_));
        Self {
            ended: broken || error.is_incomplete_message() || error.is_canceled() || error.is_closed(),
            error: ours,
        }
    }
}

/// Sends a request and waits for the head of the response.
pub(crate) async fn exchange(
    link: &mut Option<Link>,
    request: Request<SentBody>,
    limits: HeaderLimits,
) -> Result<Response<hyper::body::Incoming>, Failed> {
    let Some(Link { mut sender, connection, wire }) = link.take() else {
        return Err(EgressError::Response(BadResponse::Malformed).into());
    };
    let mut connection = Some(connection);
    wire.begin();
    let mut response = pin!(sender.send_request(request));
    let head = poll_fn(|context| {
        let mut error = None;
        wire.begin_turn();
        if let Some(open) = &mut connection
            && let Poll::Ready(ended) = open.as_mut().poll(context)
        {
            connection = None;
            error = ended.err();
        }
        match (response.as_mut().poll(context), error) {
            (Poll::Ready(Ok(head)), _) => Poll::Ready(Ok(head)),
            (_, Some(_)) | (Poll::Ready(Err(_)), None) if wire.is_padded() => {
                Poll::Ready(Err(EgressError::from(Limit::ResponseHeaders).into()))
            }
            // The error of the connection says more: the sender only learns that it ended.
            (_, Some(error)) | (Poll::Ready(Err(error)), None) => Poll::Ready(Err(Failed::from(&error))),
            (Poll::Pending, None) if connection.is_none() => {
                Poll::Ready(Err(EgressError::Response(BadResponse::Malformed).into()))
            }
            (Poll::Pending, None) => Poll::Pending,
        }
    });
    let head = head.await?;
    check(head.status(), head.headers(), limits)?;
    // Without a connection the whole response has arrived.
    *link = connection.map(|connection| Link { sender, connection, wire });
    Ok(head)
}

/// Refuses heads that two readers could take for different messages, and bodies that are not what the host asked for.
fn check(status: StatusCode, headers: &HeaderMap, limits: HeaderLimits) -> Result<(), EgressError> {
    let bad = |what| Err(EgressError::Response(what));
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return bad(BadResponse::Switched);
    }
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len().saturating_add(value.len()).saturating_add(4)
    };
    if headers.len() > limits.count || headers.iter().map(line).fold(0, usize::saturating_add) > limits.bytes
    {
        return Err(Limit::ResponseHeaders.into());
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let has_length = lengths.next().is_some();
    if let Some(coding) = codings.next() {
        let chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        if !chunked || codings.next().is_some() || has_length {
            return bad(BadResponse::Framing);
        }
    }
    // The HTTP library takes `5, 5` for 5.
    let single = |length: &http::HeaderValue| length.as_bytes().iter().all(u8::is_ascii_digit);
    if lengths.next().is_some() || !headers.get(CONTENT_LENGTH).is_none_or(single) {
        return bad(BadResponse::Framing);
    }
    let plain = |value: &http::HeaderValue| {
        let coding = value.as_bytes().trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    };
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return bad(BadResponse::Encoding);
    }
    Ok(())
}

/// Turns an error of the HTTP library into ours.
pub(crate) fn failed(error: &hyper::Error) -> EgressError {
    if let Some(refusal) = error.source().and_then(|source| source.downcast_ref::<RequestRefusal>()) {
        return refusal.clone().into();
    }
    if error.is_parse_too_large() {
        return Limit::ResponseHeaders.into();
    }
    let broken = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match broken.map(io::Error::kind) {
        Some(
            kind @ (io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted),
        ) => EgressError::Broken(kind.into()),
        // Framing errors are I/O errors to the library.
        _ => EgressError::Response(BadResponse::Malformed),
    }
}
