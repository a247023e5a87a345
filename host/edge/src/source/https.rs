//! Fetches a bundle over HTTPS through the egress door: one request, no redirects, TLS always verified. The bundle's own
//! signature protects its content. TLS hides which bundle it is, and keeps others from withholding a new one unnoticed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue, IF_NONE_MATCH, USER_AGENT};
use ringfence_egress::{Door, DoorConfig, EgressError, Incoming, Outgoing, system_resolver};
use ringfence_policy::{
    Capability, Cidr, Grant, HttpRule, Origin, Policy, Scheme, Size, SkillDigest, Span, Subject, Target,
    TargetError, UrlPattern,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::SourceError;

/// Timeout for the connection and the head of the response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout for the whole fetch.
const WHOLE: Duration = Duration::from_secs(600);

/// Timeout for each part of the body.
const PIECE: Duration = Duration::from_secs(20);

/// A URL, and the certificates that verify its server.
#[derive(Debug, Clone)]
pub struct Url {
    target: Target,
    ca: Option<PathBuf>,
    /// The operator names the server, so every range but metadata services is open.
    private: Vec<Cidr>,
}

/// The response of a server.
pub(crate) struct Fetched {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: Option<String>,
}

impl Url {
    pub(crate) fn parse(text: &str, ca: Option<&Path>) -> Result<Self, SourceError> {
        let place = |reason: String| SourceError::Place(format!("{text}: {reason}"));
        let target = Target::of_operator(text).map_err(|error| match error {
            // The text has a password.
            TargetError::UserInfo => SourceError::Place(
                "user names and passwords in URLs are not supported; remove them".to_owned(),
            ),
            error => place(error.to_string()),
        })?;
        if target.scheme() != Scheme::Https {
            return Err(place("unsupported scheme of the URL; pass a path or an https URL".to_owned()));
        }
        if let Some(path) = ca {
            let wrong = |error: String| SourceError::Place(format!("{}: {error}", path.display()));
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            if read.map_err(|error| wrong(error.to_string()))?.is_empty() {
                return Err(wrong("the file has no certificate".to_owned()));
            }
        }
        let private = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|range| range.parse().ok()).collect();
        Ok(Self { target, ca: ca.map(Path::to_owned), private })
    }

    /// Fetches the bundle, unless it is the one with this tag. Takes at most [`WHOLE`].
    pub(crate) async fn fetch(&self, tag: Option<&str>, most: u64) -> Result<Option<Fetched>, SourceError> {
        let slow = |_| self.unreachable(format_args!("no response in {} s", RESPONSE_TIMEOUT.as_secs()));
        let asked = tokio::time::timeout(RESPONSE_TIMEOUT, self.ask(tag));
        let mut answer = asked.await.map_err(slow)?.map_err(|error| self.failed(&error))?;
        match answer.status {
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::OK => {}
            status => return Err(self.unreachable(format_args!("the server responded with {status}"))),
        }
        let too_large =
            || self.unreachable(format_args!("the response is too large: more than {most} bytes"));
        let length = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > most) {
            return Err(too_large());
        }
        let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        loop {
            let piece = tokio::time::timeout(PIECE, answer.body.piece()).await.map_err(slow)?;
            let Some(piece) = piece.map_err(|error| self.failed(&error))? else { break };
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

    /// Sends the request under a grant of its own. A door for each fetch reads the name servers of that moment.
    async fn ask(&self, tag: Option<&str>) -> Result<Incoming, EgressError> {
        let mut rule = HttpRule::new(UrlPattern::of(&self.target));
        rule.private.clone_from(&self.private);
        rule.ca_file.clone_from(&self.ca);
        // The status counts before the size, so the size is checked afterwards.
        rule.caps.response_bytes = Size(u64::MAX);
        rule.caps.timeout = Span(WHOLE);
        let grant = Grant::of_run(Capability::Http(Box::new(rule)));
        // A program's grant needs no skill.
        let policy = Policy::new(Origin::Program, vec![grant]).unwrap_or_default();
        let door = Door::new(DoorConfig::new(system_resolver()));
        let caller = door.caller(policy.for_subject(&Subject::of(SkillDigest([0; 32]))));
        let mut outgoing = Outgoing::new("GET", self.target.to_string());
        let agent = HeaderValue::from_static(concat!("ringfence-edge/", env!("CARGO_PKG_VERSION")));
        outgoing.headers.insert(USER_AGENT, agent);
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            outgoing.headers.insert(IF_NONE_MATCH, tag);
        }
        door.send(&caller, outgoing).await
    }

    fn failed(&self, error: &EgressError) -> SourceError {
        match error {
            EgressError::Timeout => {
                let seconds = WHOLE.as_secs();
                self.unreachable(format_args!("the download did not finish in {seconds} s"))
            }
            error => self.unreachable(format_args!("{error}")),
        }
    }

    fn unreachable(&self, reason: std::fmt::Arguments<'_>) -> SourceError {
        SourceError::Unreachable(format!("{}: {reason}", self.target))
    }
}
