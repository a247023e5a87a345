//! `Ringfence-Limits: fuel=1000000, deadline=200ms, memory=16MiB`: a caller lowers the limits of one call.

use http::HeaderMap;
use ringfence::{Limits, LowerError};

use crate::error::ServeError;

/// The header's name.
pub(crate) const HEADER: &str = "ringfence-limits";

/// The operator's limits, lowered as the header says.
pub(crate) fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, ServeError> {
    let mut text = String::new();
    for value in headers.get_all(HEADER) {
        text.push_str(value.to_str().map_err(|_| ServeError::BadLimit("it is no text".to_owned()))?);
        text.push(',');
    }
    limits.lowered(&text).map_err(|error| match error {
        LowerError::Raised { name, asked, most } => ServeError::LimitRaised { name, asked, most },
        error => ServeError::BadLimit(error.to_string()),
    })
}
