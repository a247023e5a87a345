//! The request of a caller, and the checks of its method, headers and body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use ringfence_policy::is_host_header;

use crate::count::Count;
use crate::error::{Invalid, Limit};

/// An error of a caller's stream.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request.
#[derive(Default)]
#[non_exhaustive]
pub enum RequestBody {
    /// No body.
    #[default]
    Empty,
    /// The whole body. A redirect can send it again.
    Whole(Bytes),
    /// A body that arrives in pieces. A redirect that needs it again fails.
    Stream {
        /// The length in bytes, if it is known. The stream must have exactly this length.
        length: Option<u64>,
        /// The pieces.
        pieces: UnsyncBoxBody<Bytes, BoxError>,
    },
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream { length, .. } => write!(f, "Stream({length:?})"),
        }
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}

/// What to do with a redirect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Return the redirect like any response.
    #[default]
    Return,
    /// Follow up to this many, but never more than the grant allows.
    Follow(u32),
}

/// A request that a caller wants to send.
#[derive(Debug)]
pub struct Outgoing {
    /// The method, in upper case.
    pub method: String,
    /// The URL, in canonical form ([`ringfence_policy::Target::parse`]).
    pub url: String,
    /// The headers. The host adds `host`, the length of the body and `accept-encoding: identity`.
    pub headers: HeaderMap,
    /// The body.
    pub body: RequestBody,
    /// What to do with a redirect. Default: return it.
    pub redirects: Redirects,
    /// The time from the lookup to the last byte of the response. The time of the grant applies too.
    pub timeout: Option<Duration>,
    /// The time for each connection: lookup, dial and TLS.
    pub connect_timeout: Option<Duration>,
}

impl Outgoing {
    /// Creates a request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: HeaderMap::new(),
            body: RequestBody::Empty,
            redirects: Redirects::Return,
            timeout: None,
            connect_timeout: None,
        }
    }
}

/// Checks the headers of a caller, and removes `accept-encoding`, which the host sets.
pub(crate) fn check_headers(
    headers: &mut HeaderMap,
    count: usize,
    bytes: usize,
) -> Result<(), RequestRefusal> {
    headers.remove(ACCEPT_ENCODING);
    let line = |(name, value): (&http::HeaderName, &HeaderValue)| {
        name.as_str().len().saturating_add(value.len()).saturating_add(4)
    };
    let sum = headers.iter().map(line).fold(0_usize, usize::saturating_add);
    if headers.len() > count || sum > bytes {
        return Err(RequestRefusal::Limit(Limit::RequestHeaders));
    }
    match headers.keys().find(|name| is_host_header(name.as_str())) {
        Some(name) => Err(RequestRefusal::Invalid(Invalid::Header(name.as_str().to_owned()))),
        None => Ok(()),
    }
}

/// Why a request body or its headers are refused. It travels through the HTTP library as an error of the body.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RequestRefusal {
    #[error(transparent)]
    Limit(Limit),
    #[error(transparent)]
    Invalid(Invalid),
}

impl From<RequestRefusal> for crate::error::EgressError {
    fn from(refusal: RequestRefusal) -> Self {
        match refusal {
            RequestRefusal::Limit(limit) => limit.into(),
            RequestRefusal::Invalid(invalid) => invalid.into(),
        }
    }
}

/// A body on its way out, under its cap.
pub(crate) enum SentBody {
    Whole(Option<Bytes>),
    Stream { pieces: UnsyncBoxBody<Bytes, BoxError>, length: Option<u64>, count: Count },
}

impl SentBody {
    fn refuse(refusal: RequestRefusal) -> Poll<Option<Result<Frame<Bytes>, RequestRefusal>>> {
        Poll::Ready(Some(Err(refusal)))
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = RequestRefusal;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestRefusal>>> {
        let (pieces, length, count) = match self.get_mut() {
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { pieces, length, count } => (pieces, *length, count),
        };
        loop {
            let frame = match ready!(Pin::new(&mut *pieces).poll_frame(context)) {
                None => {
                    return match length {
                        Some(declared) if declared != count.bytes() => {
                            Self::refuse(RequestRefusal::Invalid(Invalid::BodyLength { declared }))
                        }
                        _ => Poll::Ready(None),
                    };
                }
                Some(Err(_)) => return Self::refuse(RequestRefusal::Invalid(Invalid::Body)),
                Some(Ok(frame)) => frame,
            };
            // Trailers are not sent.
            let Ok(piece) = frame.into_data() else { continue };
            if let Err(limit) = count.add(piece.len()) {
                return Self::refuse(RequestRefusal::Limit(limit));
            }
            if let Some(declared) = length
                && count.bytes() > declared
            {
                return Self::refuse(RequestRefusal::Invalid(Invalid::BodyLength { declared }));
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            Self::Stream { length: Some(length), count, .. } => {
                SizeHint::with_exact(length.saturating_sub(count.bytes()))
            }
            Self::Stream { length: None, .. } => SizeHint::default(),
        }
    }
}
