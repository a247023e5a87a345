//! Requests: checks of a call's headers and body, and why a request is refused before a run.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use ringfence::{Fault, Limits, LowerError, RunError};

/// Why a request is refused before a run, on every front. `next` says what the caller can do on this front.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each variant means")]
pub enum RequestError {
    #[error("missing or invalid token; {next}")]
    Unauthorized { next: &'static str },
    #[error("the header `Host` is not an accepted name of this server; {next}")]
    Host { next: &'static str },
    #[error("the header `Origin` is not an accepted origin; {next}")]
    Origin { next: &'static str },
    #[error("unknown path; {next}")]
    NoRoute { next: &'static str },
    #[error("this path does not support the method; {next}")]
    Method { next: &'static str },
    /// There is no skill `…` that the caller can see.
    #[error("no skill `{0}`; list the skills that you can see")]
    NoSuchSkill(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("invalid header `Ringfence-Limits`: {0}")]
    BadLimit(String),
    #[error(
        "cannot raise the limit `{name}` to {asked}; the maximum for this skill is {most}; send a lower value"
    )]
    LimitRaised { name: &'static str, asked: u64, most: u64 },
    #[error("unsupported content type of the body; send `Content-Type: {0}`")]
    MediaType(&'static str),
    #[error("unsupported content encoding of the body; send it without `Content-Encoding`")]
    Encoding,
    #[error("the body is too large; the limit is {0} bytes")]
    BodyTooLarge(u64),
    #[error("timed out while reading the body; the limit is {} ms", .0.as_millis())]
    BodyTimeout(Duration),
    #[error("the body is incomplete")]
    BodyCut,
    #[error("the path is too long; shorten the path or the query")]
    UriTooLong,
    #[error("the headers are too large; send at most 100 headers and {} KiB", .0 >> 10)]
    HeadersTooLarge(usize),
    #[error("the server is at capacity: its memory for request bodies is full")]
    BodiesFull,
    #[error("too many connections; try again later")]
    TooManyConnections,
    /// The worker has no valid bundle.
    #[error("the worker has no bundle: {0}")]
    NoBundle(String),
    /// The sandbox refused the run, or failed. The code is one of those for calls.
    #[error(transparent)]
    Run(RunError),
}

impl From<RunError> for RequestError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl RequestError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::Host { .. } => "host-not-allowed",
            Self::Origin { .. } => "origin-not-allowed",
            Self::NoRoute { .. } => "no-such-resource",
            Self::Method { .. } => "method-not-allowed",
            Self::NoSuchSkill(_) => "no-such-skill",
            Self::BadRequest(_) => "bad-request",
            Self::BadLimit(_) => "bad-limit",
            Self::LimitRaised { .. } => "limit-raised",
            Self::MediaType(_) => "unsupported-media-type",
            Self::Encoding => "unsupported-encoding",
            Self::BodyTooLarge(_) => "body-too-large",
            Self::BodyTimeout(_) => "body-timeout",
            Self::BodyCut => "body-cut",
            Self::UriTooLong => "uri-too-long",
            Self::HeadersTooLarge(_) => "headers-too-large",
            Self::BodiesFull => "bodies-full",
            Self::TooManyConnections => "too-many-connections",
            Self::NoBundle(_) => "no-bundle",
            Self::Run(error) => error.code(),
        }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Host { .. } | Self::Origin { .. } => StatusCode::FORBIDDEN,
            Self::NoRoute { .. } | Self::NoSuchSkill(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) | Self::BadLimit(_) | Self::LimitRaised { .. } | Self::BodyCut => {
                StatusCode::BAD_REQUEST
            }
            Self::MediaType(_) | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodiesFull | Self::TooManyConnections | Self::NoBundle(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Run(error) => status_of_run(error),
        }
    }

    /// Returns when the same request can pass, if waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(1))
    }

    /// Returns the JSON pointer of the value that does not fit, if that is the error.
    pub fn pointer(&self) -> Option<&str> {
        if let Self::Run(error) = self { error.pointer() } else { None }
    }
}

/// Returns the status of an error that has no status of its own, by whose fault it is.
pub fn status_of_fault(fault: Fault) -> StatusCode {
    match fault {
        Fault::Author | Fault::Caller => StatusCode::UNPROCESSABLE_ENTITY,
        Fault::Load => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Host | _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the status of a run that did not take place.
pub fn status_of_run(error: &RunError) -> StatusCode {
    match error {
        RunError::NoSuchTool { .. } => StatusCode::NOT_FOUND,
        RunError::InputTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        RunError::Limits { .. } | RunError::TooLarge { .. } => StatusCode::BAD_REQUEST,
        RunError::Revoked { .. } => StatusCode::CONFLICT,
        RunError::Input { .. }
        | RunError::Overloaded { .. }
        | RunError::ForeignSkill { .. }
        | RunError::HostFunction { .. }
        | RunError::Host { .. }
        | _ => status_of_fault(error.fault()),
    }
}

/// Checks that two programs see the end of a body in one place: `Transfer-Encoding` is `chunked` alone, or not there.
///
/// The HTTP layer accepts any list that ends in `chunked`, and decodes nothing else of it. Beside `Transfer-Encoding` it
/// drops `Content-Length`, and closes the connection after the answer.
///
/// # Errors
///
/// Fails with the text of a [`RequestError::BadRequest`]. Then close the connection after the answer.
pub fn check_framing(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    let plain = codings.next().is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    if plain && codings.next().is_none() {
        return Ok(());
    }
    Err(
        "unsupported `Transfer-Encoding`; it must be `chunked` alone; send the body chunked or with `Content-Length`",
    )
}

/// The header with which a caller lowers the limits of one call.
pub const LIMITS: &str = "ringfence-limits";

/// Returns the text of [`LIMITS`], if any.
///
/// # Errors
///
/// Fails with [`RequestError::BadLimit`] if the header is not ASCII text.
pub fn limits_text(headers: &HeaderMap) -> Result<Option<String>, RequestError> {
    let mut text = String::new();
    for value in headers.get_all(LIMITS) {
        text.push_str(value.to_str().map_err(|_| RequestError::BadLimit("not ASCII text".to_owned()))?);
        text.push(',');
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Returns limits, lowered by a caller's text such as `fuel=1000000, memory=16MiB`.
///
/// # Errors
///
/// Fails with [`RequestError::LimitRaised`] or [`RequestError::BadLimit`].
pub fn lower(limits: &Limits, text: &str) -> Result<Limits, RequestError> {
    limits.lowered(text).map_err(|error| match error {
        LowerError::Raised { name, asked, most } => RequestError::LimitRaised { name, asked, most },
        // `LowerError` can get further variants.
        error @ (LowerError::Bad(_) | _) => RequestError::BadLimit(error.to_string()),
    })
}

/// Returns limits, lowered by the header.
///
/// # Errors
///
/// As [`limits_text`] and [`lower`].
pub fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, RequestError> {
    lower(limits, &limits_text(headers)?.unwrap_or_default())
}

/// Returns whether a content type is JSON, with any parameters.
pub fn is_json(kind: &HeaderValue) -> bool {
    let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Checks that a body is JSON, if its request says what it is.
///
/// # Errors
///
/// Fails with [`RequestError::MediaType`].
pub fn expect_json(headers: &HeaderMap) -> Result<(), RequestError> {
    match headers.get(CONTENT_TYPE) {
        Some(kind) if !is_json(kind) => Err(RequestError::MediaType("application/json")),
        Some(_) | None => Ok(()),
    }
}

/// Bytes that a body takes before any byte of it arrived.
const FIRST: u64 = 64 << 10;

/// Reads a whole body of at most `most` bytes within a time. `charge` pays for bytes before they are kept.
///
/// Reads nothing of a body whose declared size is too large.
///
/// # Errors
///
/// Fails with [`RequestError::Encoding`], [`RequestError::BodyTooLarge`], [`RequestError::BodyTimeout`] or
/// [`RequestError::BodyCut`], and with the errors of `charge`.
pub async fn read_body<B, E>(
    headers: &HeaderMap,
    mut body: B,
    most: u64,
    timeout: Duration,
    mut charge: impl FnMut(u64) -> Result<(), E>,
) -> Result<Vec<u8>, E>
where
    B: Body<Data = Bytes> + Unpin,
    E: From<RequestError>,
{
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() != b"identity");
    if encoded {
        return Err(RequestError::Encoding.into());
    }
    // The HTTP layer has checked that it is a number, and holds the body to it.
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(RequestError::BodyTooLarge(most).into());
    }
    let expected = said.unwrap_or(0).min(FIRST);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    let receive = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| RequestError::BodyCut)?.into_data() else { continue };
            if (bytes.len() as u64).saturating_add(data.len() as u64) > most {
                return Err(RequestError::BodyTooLarge(most).into());
            }
            charge(data.len() as u64)?;
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match tokio::time::timeout(timeout, receive).await {
        Ok(received) => received.map(|()| bytes),
        Err(_) => Err(RequestError::BodyTimeout(timeout).into()),
    }
}

/// The mark at the beginning of some UTF-8 texts, which is no part of the text.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Returns a text without a byte order mark.
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// Returns the arguments of a call from its body. An empty body means no arguments, `{}`.
///
/// # Errors
///
/// Fails with [`RequestError::BadRequest`] if the body is not UTF-8.
pub fn arguments(bytes: Vec<u8>) -> Result<String, RequestError> {
    let bytes = match unmarked(&bytes) {
        // A tool without parameters needs no body. The library accepts a mark, too.
        text if text.trim_ascii().is_empty() => b"{}".to_vec(),
        _ => bytes,
    };
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        RequestError::BadRequest(format!("the body is not UTF-8: the byte at offset {valid} is invalid"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{INTERNAL, Problem};
    use ringfence::{Digest, SkillCaps};

    /// Every refusal with its status, its code, and whether `Retry-After` is sent.
    fn table() -> Vec<(RequestError, u16, &'static str, bool)> {
        let (next, secret) = ("n", || "secret".to_owned());
        let skill = Digest::of(b"x");
        let run = RequestError::Run;
        let no_fuel = Limits::default().with_fuel(0).check(&SkillCaps::default()).expect_err("no fuel");
        vec![
            (RequestError::Unauthorized { next }, 401, "unauthorized", false),
            (RequestError::Host { next }, 403, "host-not-allowed", false),
            (RequestError::Origin { next }, 403, "origin-not-allowed", false),
            (RequestError::NoRoute { next }, 404, "no-such-resource", false),
            (RequestError::Method { next }, 405, "method-not-allowed", false),
            (RequestError::NoSuchSkill(secret()), 404, "no-such-skill", false),
            (RequestError::BadRequest(secret()), 400, "bad-request", false),
            (RequestError::BadLimit(secret()), 400, "bad-limit", false),
            (RequestError::LimitRaised { name: "fuel", asked: 2, most: 1 }, 400, "limit-raised", false),
            (RequestError::MediaType("a/b"), 415, "unsupported-media-type", false),
            (RequestError::Encoding, 415, "unsupported-encoding", false),
            (RequestError::BodyTooLarge(1), 413, "body-too-large", false),
            (RequestError::BodyTimeout(Duration::from_secs(1)), 408, "body-timeout", false),
            (RequestError::BodyCut, 400, "body-cut", false),
            (RequestError::UriTooLong, 414, "uri-too-long", false),
            (RequestError::HeadersTooLarge(1), 431, "headers-too-large", false),
            (RequestError::BodiesFull, 503, "bodies-full", true),
            (RequestError::TooManyConnections, 503, "too-many-connections", true),
            (RequestError::NoBundle(secret()), 503, "no-bundle", true),
            (
                run(RunError::NoSuchTool { skill, tool: secret(), known: secret() }),
                404,
                "no-such-tool",
                false,
            ),
            (
                run(RunError::Input { pointer: "/n".to_owned(), message: secret() }),
                422,
                "input-mismatch",
                false,
            ),
            (run(RunError::InputTooLarge { size: 2, limit: 1 }), 413, "input-too-large", false),
            (run(no_fuel.into()), 400, "bad-limit", false),
            (run(RunError::TooLarge { what: "bytes", wanted: 2, size: 1 }), 400, "too-large-for-host", false),
            (run(RunError::Overloaded { what: "bytes", wanted: 2, free: 1 }), 503, "overloaded", true),
            (run(RunError::Revoked { skill, reason: None }), 409, "revoked", false),
            (run(RunError::ForeignSkill { skill }), 500, "foreign-skill", false),
            (
                run(RunError::HostFunction { function: secret(), source: secret().into() }),
                500,
                "host-function-failed",
                false,
            ),
            (run(RunError::host(secret())), 500, "host-fault", false),
        ]
    }

    #[test]
    fn each_refusal_has_its_status_and_code() {
        for (error, status, code, retry) in table() {
            assert_eq!((error.status().as_u16(), error.code()), (status, code), "{error}");
            assert_eq!(error.retry_after().is_some(), retry, "{error}");
            let problem = serde_json::to_value(Problem::of(&error)).expect("JSON");
            assert_eq!(problem["type"], format!("urn:ringfence:problem:{code}"));
            assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
            let pointer = error.pointer().map_or(serde_json::Value::Null, Into::into);
            assert_eq!(problem["pointer"], pointer, "{error}");
        }
    }

    #[test]
    fn only_the_log_has_the_text_of_an_internal_error() {
        for (error, status, ..) in table() {
            let detail = Problem::of(&error).detail().to_owned();
            assert_eq!(detail == INTERNAL, status == 500, "{error}");
            assert!(status != 500 || !detail.contains("secret"), "{error}");
        }
    }

    #[test]
    fn arguments_are_text_and_may_be_absent() {
        for empty in ["", " \r\n", "\u{FEFF}"] {
            assert_eq!(arguments(empty.into()).expect("no arguments"), "{}");
        }
        assert_eq!(arguments(b"[1]".to_vec()).expect("text"), "[1]");
        let error = arguments(b"{\xFF}".to_vec()).expect_err("not UTF-8");
        assert!(error.to_string().contains("offset 1"), "{error}");
    }

    #[test]
    fn only_chunked_alone_is_one_framing() {
        let rows: [(&[&str], bool); 9] = [
            (&[], true),
            (&["chunked"], true),
            (&[" Chunked "], true),
            (&["gzip, chunked"], false),
            (&["chunked, chunked"], false),
            (&["gzip", "chunked"], false),
            (&["chunked", "chunked"], false),
            (&["identity"], false),
            (&[""], false),
        ];
        for (codings, plain) in rows {
            let mut headers = HeaderMap::new();
            for coding in codings {
                headers.append(TRANSFER_ENCODING, HeaderValue::from_str(coding).expect("a value"));
            }
            assert_eq!(check_framing(&headers).is_ok(), plain, "{codings:?}");
        }
    }
}
