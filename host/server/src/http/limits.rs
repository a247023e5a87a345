//! The header with which a caller lowers the limits of one call:
//! `Ringfence-Limits: fuel=1000000, deadline=200ms, memory=16MiB`.

use http::HeaderMap;
use ringfence::{Limits, LowerError};

use crate::error::ServeError;

/// The name of the header.
pub(crate) const HEADER: &str = "ringfence-limits";

/// Returns the text of the header, if any.
pub(crate) fn given(headers: &HeaderMap) -> Result<Option<String>, ServeError> {
    let mut text = String::new();
    for value in headers.get_all(HEADER) {
        text.push_str(value.to_str().map_err(|_| ServeError::BadLimit("not ASCII text".to_owned()))?);
        text.push(',');
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Returns the operator's limits, lowered by a caller's text.
pub(crate) fn lower(limits: &Limits, text: &str) -> Result<Limits, ServeError> {
    limits.lowered(text).map_err(|error| match error {
        LowerError::Raised { name, asked, most } => ServeError::LimitRaised { name, asked, most },
        error => ServeError::BadLimit(error.to_string()),
    })
}

/// Returns the operator's limits, lowered by the header.
pub(crate) fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, ServeError> {
    lower(limits, &given(headers)?.unwrap_or_default())
}
