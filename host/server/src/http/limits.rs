//! `Ringfence-Limits: fuel=1000000, deadline=200ms, memory=16MiB`: a caller lowers the limits of one call.

use http::HeaderMap;
use ringfence::{Limits, LowerError};

use crate::error::ServeError;

/// The header's name.
pub(crate) const HEADER: &str = "ringfence-limits";

/// What the header says, if it is there.
pub(crate) fn given(headers: &HeaderMap) -> Result<Option<String>, ServeError> {
    let mut text = String::new();
    for value in headers.get_all(HEADER) {
        text.push_str(value.to_str().map_err(|_| ServeError::BadLimit("it is no text".to_owned()))?);
        text.push(',');
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The operator's limits, lowered as a caller says.
pub(crate) fn lower(limits: &Limits, text: &str) -> Result<Limits, ServeError> {
    limits.lowered(text).map_err(|error| match error {
        LowerError::Raised { name, asked, most } => ServeError::LimitRaised { name, asked, most },
        error => ServeError::BadLimit(error.to_string()),
    })
}

/// The operator's limits, lowered as the header says.
pub(crate) fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, ServeError> {
    lower(limits, &given(headers)?.unwrap_or_default())
}
