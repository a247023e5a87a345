//! HTTP requests of one run, through the egress door.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt as _;
use ringfence::{
    DenialKind, HostCall, Http, HttpBody, HttpError, HttpFailure, HttpHead, HttpLimit, HttpRequest,
    HttpRequestBody, HttpResponse, Redirects, Wait,
};
use ringfence_egress::{
    BoxError, Caller, Door, EgressError, GuestError, Invalid, Limit, Outgoing, PIECE, RequestBody,
    ResponseBody,
};
use ringfence_policy::{Request, SubjectGrants, Target};

/// The door, with the grants and the account of a run.
#[derive(Debug)]
pub(crate) struct Client {
    door: Door,
    caller: Caller,
}

impl Client {
    pub(crate) fn new(door: &Door, grants: SubjectGrants) -> Self {
        Self { door: door.clone(), caller: door.caller(grants) }
    }
}

impl Http for Client {
    fn send<'a>(
        &'a self,
        _: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let outgoing = outgoing(request)?;
            let incoming = self.door.send(&self.caller, outgoing).await.map_err(|error| told(&error))?;
            let headers = incoming.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
            let head = HttpHead {
                status: incoming.status.as_u16(),
                url: incoming.final_url.clone(),
                headers: headers.collect(),
            };
            Ok(HttpResponse { head, body: Box::new(Pieces { body: incoming.body, rest: Bytes::new() }) })
        })
    }
}

fn outgoing(request: HttpRequest) -> Result<Outgoing, HttpError> {
    let mut outgoing = Outgoing::new(request.method, request.url);
    for (name, value) in request.headers {
        let invalid = |what: &str| HttpError::Invalid(format!("invalid header {what}"));
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("name"))?;
        let value = http::HeaderValue::from_bytes(&value).map_err(|_| invalid("value"))?;
        let appended = outgoing.headers.try_append(name, value);
        appended.map_err(|_| HttpError::Limit(HttpLimit::RequestHeaders, "too many headers".to_owned()))?;
    }
    outgoing.body = match request.body {
        HttpRequestBody::Whole(bytes) => RequestBody::from(Bytes::from(bytes)),
        HttpRequestBody::Stream { length, pieces } => {
            RequestBody::Stream { length, pieces: Upload::Idle(pieces).boxed_unsync() }
        }
        _ => RequestBody::Empty,
    };
    outgoing.connect_timeout = request.connect_timeout.map(|millis| Duration::from_millis(millis.into()));
    outgoing.redirects = match request.redirects {
        Redirects::Manual => ringfence_egress::Redirects::Return,
        // The grant has the maximum.
        Redirects::Follow => ringfence_egress::Redirects::Follow(u32::MAX),
    };
    outgoing.timeout = request.timeout.map(|millis| Duration::from_millis(millis.into()));
    Ok(outgoing)
}

/// A body, cut into pieces of the wanted size.
struct Pieces {
    body: ResponseBody,
    rest: Bytes,
}

impl HttpBody for Pieces {
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            while self.rest.is_empty() {
                match self.body.piece().await.map_err(|error| told(&error))? {
                    Some(piece) => self.rest = piece,
                    None => return Ok(None),
                }
            }
            let piece = self.rest.split_to(self.rest.len().min(max.max(1)));
            Ok(Some(piece.to_vec()))
        })
    }
}

/// What the guest learns: the class of the error, and of its own request also the details.
fn told(error: &EgressError) -> HttpError {
    let class = error.guest();
    let failure = match class {
        GuestError::Denied => return HttpError::Denied { kind: kind(error), reason: error.to_string() },
        GuestError::Invalid => return HttpError::Invalid(error.to_string()),
        GuestError::BodyTooLarge | GuestError::Limit => {
            return HttpError::Limit(limit(error), error.to_string());
        }
        GuestError::Timeout => return HttpError::Timeout,
        GuestError::Dns => HttpFailure::Resolve,
        GuestError::Tls => HttpFailure::Tls,
        GuestError::Protocol => HttpFailure::Protocol,
        GuestError::Connect if matches!(error, EgressError::Connect { .. }) => HttpFailure::Connect,
        GuestError::Connect => HttpFailure::Broken,
        _ => HttpFailure::Other,
    };
    match class {
        GuestError::Dns | GuestError::Tls | GuestError::Unavailable => {
            HttpError::Unavailable { failure, told: class.to_string(), reason: error.to_string() }
        }
        class => HttpError::Failed(failure, class.to_string()),
    }
}

fn limit(error: &EgressError) -> HttpLimit {
    let EgressError::Limit(limit) = error else { return HttpLimit::Other };
    match limit {
        Limit::RequestBody => HttpLimit::RequestBody,
        Limit::ResponseBody => HttpLimit::ResponseBody,
        Limit::RequestHeaders => HttpLimit::RequestHeaders,
        Limit::ResponseHeaders => HttpLimit::ResponseHeaders,
        Limit::Requests
        | Limit::Concurrency
        | Limit::SkillConcurrency
        | Limit::SkillRequests
        | Limit::PrincipalConcurrency
        | Limit::PrincipalRequests => HttpLimit::Requests,
        _ => HttpLimit::Other,
    }
}

/// A body that the guest still writes, as the door reads it.
enum Upload {
    /// Nobody reads.
    Idle(Box<dyn HttpBody>),
    /// The door waits for a piece.
    Reading(Reading),
    Ended,
}

/// A read that returns the body with the piece.
type Reading = Pin<Box<dyn Future<Output = (Box<dyn HttpBody>, Piece)> + Send>>;

type Piece = Result<Option<Vec<u8>>, HttpError>;

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let upload = self.get_mut();
        let mut reading = match std::mem::replace(upload, Self::Ended) {
            Self::Idle(mut body) => Box::pin(async move {
                let piece = body.next(PIECE).await;
                (body, piece)
            }),
            Self::Reading(reading) => reading,
            Self::Ended => return Poll::Ready(None),
        };
        match reading.as_mut().poll(context) {
            Poll::Pending => {
                *upload = Self::Reading(reading);
                Poll::Pending
            }
            Poll::Ready((body, Ok(Some(piece)))) => {
                *upload = Self::Idle(body);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
            }
            Poll::Ready((_, Ok(None))) => Poll::Ready(None),
            Poll::Ready((_, Err(error))) => Poll::Ready(Some(Err(Box::new(error)))),
        }
    }
}

/// Why the door denies a request.
fn kind(error: &EgressError) -> DenialKind {
    match error {
        EgressError::Address { .. } => DenialKind::Address,
        EgressError::Redirect(_) => DenialKind::Redirect,
        _ => DenialKind::NoGrant,
    }
}

/// Stands where the host has no door: it denies every request, and explains.
#[derive(Debug)]
pub(crate) struct Closed {
    grants: SubjectGrants,
}

impl Closed {
    pub(crate) fn new(grants: SubjectGrants) -> Self {
        Self { grants }
    }
}

impl Http for Closed {
    fn send<'a>(
        &'a self,
        _: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let target = Target::parse(&request.url)
                .map_err(|error| HttpError::Invalid(Invalid::Url(error).to_string()))?;
            let wanted = Request::Http { method: &request.method, target: &target };
            let reason = self.grants.explain(&wanted).to_string();
            Err(HttpError::Denied { kind: DenialKind::NoGrant, reason })
        })
    }
}
