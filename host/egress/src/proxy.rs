//! A tunnel through the operator's proxy. Only the configuration names a proxy, never the environment.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;
use ringfence_policy::{Scheme, Target, TargetError, TargetHost};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::dial::{DialLimits, alternate, dial};
use crate::resolve::{Resolve, ResolveError, addresses};
use crate::secret::{Form, Placed, Placement, Secret, SecretError};

/// The URL of a proxy: `http://HOST:PORT`, without a path and without credentials.
///
/// ```
/// use ringfence_egress::ProxyUrl;
///
/// let url: ProxyUrl = "http://proxy.example:3128".parse()?;
/// assert_eq!(url.to_string(), "http://proxy.example:3128");
/// assert!("http://user:password@proxy.example:3128".parse::<ProxyUrl>().is_err());
/// # Ok::<(), ringfence_egress::ProxyUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyUrl {
    host: TargetHost,
    port: u16,
}

/// Why a text is not the URL of a proxy. No variant has a part of the text, which can hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The URL has a user name or a password.
    #[error(
        "the URL of a proxy has no credentials; put `USER:PASSWORD` into a secret and name it in `proxy-secret`"
    )]
    Credentials,
    /// The scheme is not `http`.
    #[error("unsupported scheme of a proxy; expected `http`, for example `http://proxy.example:3128`")]
    Scheme,
    /// The URL has a path or a query.
    #[error("the URL of a proxy ends after its port, for example `http://proxy.example:3128`")]
    Path,
    /// The text is no canonical URL.
    #[error("invalid URL of a proxy: {0}")]
    Url(TargetError),
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let target = Target::parse(text).map_err(|error| match error {
            TargetError::UserInfo => ProxyUrlError::Credentials,
            TargetError::Scheme => ProxyUrlError::Scheme,
            error => ProxyUrlError::Url(error),
        })?;
        if target.scheme() != Scheme::Http {
            return Err(ProxyUrlError::Scheme);
        }
        if target.path() != "/" || target.query().is_some() {
            return Err(ProxyUrlError::Path);
        }
        Ok(Self { host: target.host().clone(), port: target.port() })
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = ProxyUrlError;

    fn try_from(text: String) -> Result<Self, ProxyUrlError> {
        text.parse()
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// The operator's HTTP proxy.
///
/// The host opens a `CONNECT` tunnel through it, for `http` and `https` alike, to an address that it has checked. The
/// proxy therefore resolves no name, and TLS verifies the granted name from end to end. A request for `http` in
/// absolute form would name the host again, and the proxy would look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    url: ProxyUrl,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Proxy {
    /// Creates a proxy without credentials that has 10 s to open a tunnel.
    ///
    /// Its host is not checked like those of requests, because the operator names it. The resolver of the door looks
    /// its name up.
    pub fn new(url: ProxyUrl) -> Self {
        Self { url, authorization: None, timeout: Duration::from_secs(10) }
    }

    /// Sends a secret, which is `USER:PASSWORD`, as `proxy-authorization: Basic`.
    ///
    /// # Errors
    ///
    /// Fails with [`SecretError::NotAPair`] for a secret of another form.
    pub fn with_credentials(mut self, secret: &Secret) -> Result<Self, SecretError> {
        let placement = Placement::header("proxy-authorization", Form::Basic { user: None })?;
        self.authorization = match placement.place(secret)? {
            Placed::Header { value, .. } => Some(value),
            Placed::Query { .. } => None,
        };
        Ok(self)
    }

    /// Sets the time for connecting to the proxy and for its response.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Why the proxy opened no tunnel. What it sent stays here, except for its status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The name of the proxy has no address.
    #[error("cannot resolve its name: {0}")]
    Dns(ResolveError),
    /// No address of the proxy accepted a connection, or the connection broke.
    #[error("cannot connect to it: {0}")]
    Connect(io::Error),
    /// The proxy did not connect or respond in time.
    #[error("it did not respond in time")]
    Silent,
    /// The response is not HTTP.
    #[error("its response is not HTTP")]
    Malformed,
    /// The head of the response is too long.
    #[error("its response is longer than {HEAD} bytes")]
    TooLong,
    /// The proxy responded with another status than success. Redirects and challenges are not followed.
    #[error("it responded with status {0}")]
    Status(u16),
}

/// Most bytes of the proxy's response.
const HEAD: usize = 8192;

/// Opens a tunnel to one of the checked addresses. Returns the address as well.
pub(crate) async fn through(
    proxy: &Proxy,
    resolver: &dyn Resolve,
    limits: &DialLimits,
    to: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), ProxyFailure> {
    let mut last = ProxyFailure::Connect(io::ErrorKind::NotFound.into());
    for to in alternate(to, limits.addresses) {
        let opened = timeout(proxy.timeout, async {
            let found = addresses(&proxy.url.host, resolver).await.map_err(ProxyFailure::Dns)?;
            let found: Vec<_> =
                found.into_iter().map(|address| SocketAddr::new(address, proxy.url.port)).collect();
            let stream = dial(&found, limits).await.map_err(ProxyFailure::Connect)?;
            tunnel(stream, proxy, to).await
        });
        match opened.await.unwrap_or(Err(ProxyFailure::Silent)) {
            Ok(stream) => return Ok((stream, to)),
            // It does not reach this address. Another one can be of a family that it has.
            Err(failure @ ProxyFailure::Status(500..=599)) => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

/// Asks for a tunnel over a connection to the proxy.
async fn tunnel(mut stream: TcpStream, proxy: &Proxy, to: SocketAddr) -> Result<TcpStream, ProxyFailure> {
    let mut request = Zeroizing::new(Vec::with_capacity(HEAD));
    request.extend_from_slice(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n").as_bytes());
    if let Some(value) = &proxy.authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(ProxyFailure::Connect)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return Err(ProxyFailure::TooLong);
        }
        // Byte by byte: what follows the head belongs to the server.
        let byte = stream.read_u8().await.map_err(ProxyFailure::Connect)?;
        if !fits(&head, byte) {
            return Err(ProxyFailure::Malformed);
        }
        head.push(byte);
    }
    match status(&head) {
        // Any success opens the tunnel, and the response then has no body (RFC 9110, 9.3.6).
        Some(200..=299) => Ok(stream),
        Some(status) => Err(ProxyFailure::Status(status)),
        None => Err(ProxyFailure::Malformed),
    }
}

/// Returns true if a head of HTTP can go on with a byte. Whatever speaks another protocol fails at its first bytes.
fn fits(head: &[u8], byte: u8) -> bool {
    const START: &[u8] = b"HTTP/1.";
    if let Some(expected) = START.get(head.len()) {
        return byte == *expected;
    }
    match byte {
        // A line ends in both, and neither stands alone.
        b'\n' => head.last() == Some(&b'\r'),
        _ => {
            head.last() != Some(&b'\r') && (byte == b'\r' || byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
        }
    }
}

/// Returns the status of a head: `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = line.split(|byte| *byte == b' ');
    let (version, status) = (words.next()?, words.next()?);
    let digits = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    let known = matches!(version, b"HTTP/1.0" | b"HTTP/1.1") && digits;
    known.then(|| std::str::from_utf8(status).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_url_has_a_host_and_a_port_alone() {
        for (text, shown) in [
            ("http://proxy.example:3128", Ok("http://proxy.example:3128")),
            ("http://proxy.example:3128/", Ok("http://proxy.example:3128")),
            ("http://10.0.0.1:8080", Ok("http://10.0.0.1:8080")),
            ("http://[fd00::1]:8080", Ok("http://[fd00::1]:8080")),
            ("http://proxy.example", Ok("http://proxy.example:80")),
            ("http://user:hunter2@proxy.example:3128", Err(ProxyUrlError::Credentials)),
            ("http://user@proxy.example:3128", Err(ProxyUrlError::Credentials)),
            ("https://proxy.example:3128", Err(ProxyUrlError::Scheme)),
            ("socks5://proxy.example:3128", Err(ProxyUrlError::Scheme)),
            ("http://proxy.example:3128/pac", Err(ProxyUrlError::Path)),
            ("http://proxy.example:3128/?a", Err(ProxyUrlError::Path)),
            ("proxy.example:3128", Err(ProxyUrlError::Scheme)),
            ("proxy", Err(ProxyUrlError::Url(TargetError::Syntax))),
            ("http://proxy.example:0", Err(ProxyUrlError::Url(TargetError::Port))),
            ("http://2130706433:3128", Err(ProxyUrlError::Url(TargetError::NotCanonical))),
        ] {
            let read = text.parse::<ProxyUrl>();
            if let Err(error) = &read {
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            assert_eq!(read.map(|url| url.to_string()), shown.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn the_status_of_a_head_is_three_digits() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.0 200\r\n\r\n", Some(200)),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some(407)),
            ("HTTP/1.1  200 OK\r\n\r\n", None),
            ("HTTP/1.1 2000 OK\r\n\r\n", None),
            ("HTTP/1.1 20 OK\r\n\r\n", None),
            ("HTTP/1.1 +20 OK\r\n\r\n", None),
            ("HTTP/1.9 200 OK\r\n\r\n", None),
            ("HTTP/1.1\r\n\r\n", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[test]
    fn nothing_shows_the_credentials() {
        let secret = Secret::new("login", b"user:correct horse".to_vec()).unwrap();
        let proxy = Proxy::new("http://proxy.example:3128".parse().unwrap());
        let proxy = proxy.with_credentials(&secret).unwrap();
        assert!(!format!("{proxy:?}").contains("dXNlcjpjb3JyZWN0IGhvcnNl"), "{proxy:?}");
        assert!(proxy.authorization.is_some());
        let single = Secret::new("login", b"no-pair-at-all".to_vec()).unwrap();
        let proxy = Proxy::new("http://proxy.example:3128".parse().unwrap());
        assert!(matches!(proxy.with_credentials(&single), Err(SecretError::NotAPair { .. })));
    }
}
