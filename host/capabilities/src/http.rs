//! HTTP requests of one run, through the egress door.

use std::time::Duration;

use bytes::Bytes;
use ringfence::{HostCall, Http, HttpBody, HttpError, HttpHead, HttpRequest, HttpResponse, Redirects, Wait};
use ringfence_egress::{Caller, Door, EgressError, GuestError, Invalid, Outgoing, RequestBody, ResponseBody};
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
        appended.map_err(|_| HttpError::Limit("too many headers".to_owned()))?;
    }
    outgoing.body = RequestBody::from(Bytes::from(request.body.unwrap_or_default()));
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
    match error.guest() {
        GuestError::Denied => HttpError::Denied { reason: error.to_string() },
        GuestError::Invalid => HttpError::Invalid(error.to_string()),
        GuestError::BodyTooLarge | GuestError::Limit => HttpError::Limit(error.to_string()),
        GuestError::Timeout => HttpError::Timeout,
        class @ (GuestError::Dns | GuestError::Tls | GuestError::Unavailable) => {
            HttpError::Unavailable { told: class.to_string(), reason: error.to_string() }
        }
        class => HttpError::Failed(class.to_string()),
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
            Err(HttpError::Denied { reason: self.grants.explain(&wanted).to_string() })
        })
    }
}
