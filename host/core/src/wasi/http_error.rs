//! `error-code` of `wasi:http/types`, and how errors of the host become codes.

use wasmtime::component::{ComponentType, Lower};

use crate::capability::Transfer;
use crate::grants::{HttpError, HttpFailure, HttpLimit};

/// `types.DNS-error-payload`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub(crate) struct DnsError {
    #[component(name = "rcode")]
    rcode: Option<String>,
    #[component(name = "info-code")]
    info_code: Option<u16>,
}

/// `types.TLS-alert-received-payload`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub(crate) struct TlsAlert {
    #[component(name = "alert-id")]
    id: Option<u8>,
    #[component(name = "alert-message")]
    message: Option<String>,
}

/// `types.field-size-payload`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub(crate) struct FieldSize {
    #[component(name = "field-name")]
    name: Option<String>,
    #[component(name = "field-size")]
    size: Option<u32>,
}

/// `types.error-code`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "all cases are part of the interface; the host does not tell them all apart")]
pub(crate) enum ErrorCode {
    #[component(name = "DNS-timeout")]
    DnsTimeout,
    #[component(name = "DNS-error")]
    DnsError(DnsError),
    #[component(name = "destination-not-found")]
    DestinationNotFound,
    #[component(name = "destination-unavailable")]
    DestinationUnavailable,
    #[component(name = "destination-IP-prohibited")]
    DestinationIpProhibited,
    #[component(name = "destination-IP-unroutable")]
    DestinationIpUnroutable,
    #[component(name = "connection-refused")]
    ConnectionRefused,
    #[component(name = "connection-terminated")]
    ConnectionTerminated,
    #[component(name = "connection-timeout")]
    ConnectionTimeout,
    #[component(name = "connection-read-timeout")]
    ConnectionReadTimeout,
    #[component(name = "connection-write-timeout")]
    ConnectionWriteTimeout,
    #[component(name = "connection-limit-reached")]
    ConnectionLimitReached,
    #[component(name = "TLS-protocol-error")]
    TlsProtocolError,
    #[component(name = "TLS-certificate-error")]
    TlsCertificateError,
    #[component(name = "TLS-alert-received")]
    TlsAlertReceived(TlsAlert),
    #[component(name = "HTTP-request-denied")]
    RequestDenied,
    #[component(name = "HTTP-request-length-required")]
    RequestLengthRequired,
    #[component(name = "HTTP-request-body-size")]
    RequestBodySize(Option<u64>),
    #[component(name = "HTTP-request-method-invalid")]
    RequestMethodInvalid,
    #[component(name = "HTTP-request-URI-invalid")]
    RequestUriInvalid,
    #[component(name = "HTTP-request-URI-too-long")]
    RequestUriTooLong,
    #[component(name = "HTTP-request-header-section-size")]
    RequestHeaderSectionSize(Option<u32>),
    #[component(name = "HTTP-request-header-size")]
    RequestHeaderSize(Option<FieldSize>),
    #[component(name = "HTTP-request-trailer-section-size")]
    RequestTrailerSectionSize(Option<u32>),
    #[component(name = "HTTP-request-trailer-size")]
    RequestTrailerSize(FieldSize),
    #[component(name = "HTTP-response-incomplete")]
    ResponseIncomplete,
    #[component(name = "HTTP-response-header-section-size")]
    ResponseHeaderSectionSize(Option<u32>),
    #[component(name = "HTTP-response-header-size")]
    ResponseHeaderSize(FieldSize),
    #[component(name = "HTTP-response-body-size")]
    ResponseBodySize(Option<u64>),
    #[component(name = "HTTP-response-trailer-section-size")]
    ResponseTrailerSectionSize(Option<u32>),
    #[component(name = "HTTP-response-trailer-size")]
    ResponseTrailerSize(FieldSize),
    #[component(name = "HTTP-response-transfer-coding")]
    ResponseTransferCoding(Option<String>),
    #[component(name = "HTTP-response-content-coding")]
    ResponseContentCoding(Option<String>),
    #[component(name = "HTTP-response-timeout")]
    ResponseTimeout,
    #[component(name = "HTTP-upgrade-failed")]
    UpgradeFailed,
    #[component(name = "HTTP-protocol-error")]
    ProtocolError,
    #[component(name = "loop-detected")]
    LoopDetected,
    #[component(name = "configuration-error")]
    ConfigurationError,
    #[component(name = "internal-error")]
    InternalError(Option<String>),
}

impl ErrorCode {
    /// An error that has no code of its own.
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::InternalError(Some(text.into()))
    }
}

/// The text of `error.to-debug-string`.
impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InternalError(Some(text)) => f.write_str(text),
            Self::RequestDenied => f.write_str("denied"),
            // The names of the cases are words.
            other => write!(f, "HTTP failed: {other:?}"),
        }
    }
}

impl Transfer for ErrorCode {
    fn transfer_bytes(&self) -> u64 {
        let text = match self {
            Self::InternalError(text) => text.as_ref().map_or(0, String::len),
            _ => 0,
        };
        (size_of::<Self>() as u64).saturating_add(text as u64)
    }
}

/// What the guest learns: no more than from `ringfence:skill/http`. A refused address is denied like everything else
/// without a grant, so that no answer maps the network.
impl From<HttpError> for ErrorCode {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { .. } => Self::RequestDenied,
            HttpError::Invalid(text) => Self::InternalError(Some(text)),
            HttpError::Limit(limit, text) => match limit {
                HttpLimit::Requests => Self::ConnectionLimitReached,
                HttpLimit::RequestHeaders => Self::RequestHeaderSectionSize(None),
                HttpLimit::RequestBody => Self::RequestBodySize(None),
                HttpLimit::ResponseHeaders => Self::ResponseHeaderSectionSize(None),
                HttpLimit::ResponseBody => Self::ResponseBodySize(None),
                HttpLimit::Other => Self::InternalError(Some(text)),
            },
            HttpError::Timeout => Self::ConnectionTimeout,
            HttpError::Failed(failure, text) => failed(failure, text, Self::InternalError),
            HttpError::Unavailable { failure, told, .. } => {
                failed(failure, told, |_| Self::ConfigurationError)
            }
        }
    }
}

fn failed(failure: HttpFailure, text: String, other: impl FnOnce(Option<String>) -> ErrorCode) -> ErrorCode {
    match failure {
        HttpFailure::Resolve => ErrorCode::DnsError(DnsError { rcode: None, info_code: None }),
        HttpFailure::Connect => ErrorCode::ConnectionRefused,
        HttpFailure::Broken => ErrorCode::ConnectionTerminated,
        HttpFailure::Tls => ErrorCode::TlsProtocolError,
        HttpFailure::Protocol => ErrorCode::ProtocolError,
        HttpFailure::Other => other(Some(text)),
    }
}
