//! HTTP requests to hosts that the operator grants to the skill.
//!
//! ```no_run
//! use std::time::Duration;
//! use ringfence_skill::http::{self, Request};
//!
//! let response = Request::get("https://api.example.com/v1/items")
//!     .header("accept", "application/json")
//!     .timeout(Duration::from_secs(5))
//!     .follow()
//!     .fetch()?;
//! assert_eq!(response.head.status, 200);
//! # Ok::<(), http::Error>(())
//! ```
//!
//! The host adds the credentials that the grant names. Each call counts as a host call. In tests on your own machine
//! there is no host, and every call returns [`Error::Denied`].

use core::fmt;
use std::io;
use std::time::Duration;

use crate::host::capabilities::http as wit;

pub use crate::host::capabilities::http::{Head, Header, Response};

/// Longest piece that the host returns, in bytes.
const LONGEST: u32 = 1024 * 1024;

/// Shortest piece that [`Body`] requests for a reader that takes fewer bytes at once.
const SHORTEST: usize = 64 * 1024;

/// A request. The host refuses headers that belong to the connection, such as `host` and `content-length`.
#[derive(Debug, Clone)]
pub struct Request(wit::Request);

impl Request {
    /// Returns a request without headers and body, that follows no redirects and has the grant's timeout.
    ///
    /// `url` has scheme, host, path and query, written as the URL standard serialises them.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self(wit::Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            timeout: None,
            redirects: wit::Redirects::Manual,
        })
    }

    /// Returns a `GET` request.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// Returns a `POST` request with a body.
    #[must_use]
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// Sets the longest time from the call to the last byte of the response, to a millisecond. The grant and the run's
    /// deadline can be shorter.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout.as_millis().try_into().unwrap_or(u32::MAX));
        self
    }

    /// Follows redirects, up to the grant's maximum. Each hop needs a grant, and loses the credentials if it leaves
    /// the origin. Without this a redirect is the response.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.0.redirects = wit::Redirects::Follow;
        self
    }

    /// Sends the request and waits for the whole response, as [`fetch`] does.
    ///
    /// # Errors
    /// [`Error`] says why there is no response.
    pub fn fetch(&self) -> Result<Response, Error> {
        fetch(self)
    }

    /// Sends the request and waits for the head of its response, as [`open`] does.
    ///
    /// # Errors
    /// [`Error`] says why there is no response.
    pub fn open(&self) -> Result<(Head, Body), Error> {
        open(self)
    }
}

impl Head {
    /// Returns the value of the first header of this name, in any case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        core::str::from_utf8(value).ok()
    }
}

impl Response {
    /// Returns the body as text. Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The operator does not grant this request.
    Denied,
    /// The request is malformed; the text says how.
    Invalid(String),
    /// The request or its answer reached a cap; the text names it.
    Limit(String),
    /// The timeout passed.
    Timeout,
    /// The connection failed; the text says how.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("the operator does not grant this request"),
            Self::Invalid(why) => write!(f, "invalid request: {why}"),
            Self::Limit(which) => write!(f, "limit of the request reached: {which}"),
            Self::Timeout => f.write_str("the request timed out"),
            Self::Failed(why) => write!(f, "the request failed: {why}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Denied => io::ErrorKind::PermissionDenied,
            Error::Invalid(_) => io::ErrorKind::InvalidInput,
            Error::Timeout => io::ErrorKind::TimedOut,
            Error::Limit(_) | Error::Failed(_) => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(target_arch = "wasm32")]
impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied => Self::Denied,
            wit::Error::Invalid(why) => Self::Invalid(why),
            wit::Error::Limit(which) => Self::Limit(which),
            wit::Error::Timeout => Self::Timeout,
            wit::Error::Failed(why) => Self::Failed(why),
        }
    }
}

/// The body of a response, which the host hands over in pieces. Dropping it ends the request.
///
/// As [`io::Read`] it buffers one piece, so small reads cost no host call each. An error of the host is the source of
/// the [`io::Error`].
#[derive(Debug)]
pub struct Body {
    #[cfg(target_arch = "wasm32")]
    body: wit::Body,
    /// A piece of which a reader took the bytes before `taken`.
    piece: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Body {
    /// Waits for the next piece, of at most `max` bytes and at most 1 MiB. Returns an empty piece at the end.
    ///
    /// # Errors
    /// [`Error`] says why there is no piece.
    pub fn next_piece(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        if !rest.is_empty() {
            let piece = rest.get(..max).unwrap_or(rest).to_vec();
            self.taken = self.taken.saturating_add(piece.len());
            return Ok(piece);
        }
        if self.ended || max == 0 {
            return Ok(Vec::new());
        }
        let piece = self.wait(u32::try_from(max).unwrap_or(LONGEST).min(LONGEST))?;
        self.ended = piece.is_empty();
        Ok(piece)
    }

    #[cfg(target_arch = "wasm32")]
    fn wait(&self, max: u32) -> Result<Vec<u8>, Error> {
        Ok(self.body.read(max)?)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn wait(&self, _: u32) -> Result<Vec<u8>, Error> {
        Err(Error::Denied)
    }
}

impl io::Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.taken >= self.piece.len() {
            self.piece = self.next_piece(into.len().max(SHORTEST))?;
            self.taken = 0;
        }
        let mut rest = self.piece.get(self.taken..).unwrap_or_default();
        let count = rest.read(into)?;
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

/// Sends a request and waits for the whole response. A call moves at most 1 MiB: use [`open`] for a larger body.
///
/// # Errors
/// [`Error`] says why there is no response.
pub fn fetch(request: &Request) -> Result<Response, Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(wit::fetch(&request.0)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = request;
        Err(Error::Denied)
    }
}

/// Sends up to 256 requests at once; the answers have the order of the requests. All bodies together are at most
/// 1 MiB.
///
/// # Errors
/// Fails with an [`Error`] if it sent none; each answer has an error of its own.
pub fn fetch_many(requests: impl IntoIterator<Item = Request>) -> Result<Vec<Result<Response, Error>>, Error> {
    let requests: Vec<_> = requests.into_iter().map(|request| request.0).collect();
    #[cfg(target_arch = "wasm32")]
    {
        let answers = wit::fetch_many(&requests)?;
        Ok(answers.into_iter().map(|answer| answer.map_err(Error::from)).collect())
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = requests;
        Err(Error::Denied)
    }
}

/// Sends a request and waits for the head of its response. The body is read in pieces of at most 1 MiB.
///
/// # Errors
/// [`Error`] says why there is no response.
pub fn open(request: &Request) -> Result<(Head, Body), Error> {
    #[cfg(target_arch = "wasm32")]
    {
        let (head, body) = wit::open(&request.0)?;
        Ok((head, Body { body, piece: Vec::new(), taken: 0, ended: false }))
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = request;
        Err(Error::Denied)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_builder_sets_every_field() {
        let request =
            Request::post("https://a.test/", "body").header("a", "b").timeout(Duration::from_millis(1500)).follow();
        let wit::Request { method, url, headers, body, timeout, redirects } = request.0;
        assert_eq!((method.as_str(), url.as_str()), ("POST", "https://a.test/"));
        assert_eq!(headers, [("a".to_owned(), b"b".to_vec())]);
        assert_eq!((body.as_deref(), timeout), (Some(b"body".as_slice()), Some(1500)));
        assert!(matches!(redirects, wit::Redirects::Follow));
        let longest = Request::get("https://a.test/").timeout(Duration::from_secs(u64::MAX));
        assert_eq!(longest.0.timeout, Some(u32::MAX));
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let headers = vec![("Content-Type".to_owned(), b"text/plain".to_vec()), ("x".to_owned(), vec![0xff])];
        let head = Head { status: 200, url: String::new(), headers };
        assert_eq!(head.header("content-type"), Some("text/plain"));
        assert_eq!(head.header("x"), None);
        assert_eq!(head.header("y"), None);
    }

    #[test]
    fn a_buffered_piece_is_read_in_parts_before_the_end() {
        let mut body = Body { piece: b"abcdef".to_vec(), taken: 0, ended: true };
        let mut two = [0; 2];
        assert_eq!(body.read(&mut two).unwrap(), 2);
        assert_eq!(&two, b"ab");
        assert_eq!(body.next_piece(3).unwrap(), b"cde");
        let mut rest = String::new();
        assert_eq!(body.read_to_string(&mut rest).unwrap(), 1);
        assert_eq!(rest, "f");
        assert_eq!(body.next_piece(10).unwrap(), b"");
    }

    #[test]
    fn an_error_of_the_host_is_the_source_of_an_io_error() {
        let mut body = Body { piece: Vec::new(), taken: 0, ended: false };
        let error = body.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&Error::Denied));
    }
}
