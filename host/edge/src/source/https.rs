//! Fetches a bundle over HTTPS: one request, no redirects, TLS always verified. The bundle's own signature protects its
//! content. TLS hides which bundle it is, and keeps others from withholding a new one unnoticed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Body as _;
use hyper::header::{ETAG, HOST, HeaderValue, IF_NONE_MATCH, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SourceError;

/// Timeout for the connection and the head of the response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout for the whole fetch.
const WHOLE: Duration = Duration::from_secs(600);

/// Timeout for each part of the body.
const PIECE: Duration = Duration::from_secs(20);

/// A URL, and the certificates that verify its server.
#[derive(Clone)]
pub struct Url {
    uri: Uri,
    host: String,
    port: u16,
    tls: Arc<ClientConfig>,
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Url({})", self.uri)
    }
}

/// The response of a server.
pub(crate) struct Fetched {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: Option<String>,
}

impl Url {
    pub(crate) fn parse(text: &str, ca: Option<&Path>) -> Result<Self, SourceError> {
        let place = |reason: String| SourceError::Place(format!("{text}: {reason}"));
        let uri: Uri = text.parse().map_err(|error| place(format!("invalid URL: {error}")))?;
        let authority = uri.authority().ok_or_else(|| place("the URL has no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(place("user names and passwords in URLs are not supported; remove them".to_owned()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let wrong = |error: String| SourceError::Place(format!("{}: {error}", path.display()));
                let certificates =
                    CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                    roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(wrong("the file has no certificate".to_owned()));
                }
            }
        }
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { uri, host, port, tls: Arc::new(tls) })
    }

    /// Fetches the bundle, unless it is the one with this tag. Takes at most [`WHOLE`].
    pub(crate) async fn fetch(&self, tag: Option<&str>, most: u64) -> Result<Option<Fetched>, SourceError> {
        let fetched = tokio::time::timeout(WHOLE, self.fetch_slowly(tag, most)).await;
        fetched.unwrap_or_else(|_| {
            let seconds = WHOLE.as_secs();
            Err(SourceError::Unreachable(format!("{}: the download did not finish in {seconds} s", self.uri)))
        })
    }

    async fn fetch_slowly(&self, tag: Option<&str>, most: u64) -> Result<Option<Fetched>, SourceError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            SourceError::Unreachable(format!("{}: {what}: {error}", self.uri))
        };
        let slow = |_| {
            SourceError::Unreachable(format!("{}: no response in {} s", self.uri, RESPONSE_TIMEOUT.as_secs()))
        };
        let asked = tokio::time::timeout(RESPONSE_TIMEOUT, self.ask(tag));
        let mut answer = asked.await.map_err(slow)?.map_err(|error| failed("the request failed", &error))?;
        match answer.status() {
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::OK => {}
            status => return Err(failed("the server responded with", &status)),
        }
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let too_large = || failed("the response is too large", &format_args!("more than {most} bytes"));
        if answer.size_hint().lower() > most {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        loop {
            let frame = tokio::time::timeout(PIECE, answer.body_mut().frame()).await.map_err(slow)?;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| failed("the response is incomplete", &error))?;
            let Ok(piece) = frame.into_data() else { continue };
            if (bytes.len() as u64).saturating_add(piece.len() as u64) > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
            // What does not begin as a bundle is not held any longer.
            if bytes.len() >= ringfence_bundle::HEADER && !ringfence_bundle::is_bundle(&bytes) {
                return Err(crate::BundleError::NotABundle.into());
            }
        }
        Ok(Some(Fetched { bytes, tag }))
    }

    #[allow(clippy::disallowed_methods, reason = "bundles are not fetched through the egress door yet")]
    async fn ask(
        &self,
        tag: Option<&str>,
    ) -> Result<hyper::Response<hyper::body::Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer, or with the sender.
        tokio::spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or_else(String::new, ToString::to_string);
        let mut request = Request::get(path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("ringfence-edge/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())?;
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request.headers_mut().insert(IF_NONE_MATCH, tag);
        }
        Ok(sender.send_request(request).await?)
    }
}
