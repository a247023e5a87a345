//! Reads request bodies, charged to the budget for bodies.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;

use crate::budget::Held;
use crate::error::ServeError;

/// Reads a whole body of at most `most` bytes within a time.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: u64,
    timeout: Duration,
    mut held: Held,
) -> Result<(Vec<u8>, Held), ServeError> {
    let charge = |bytes| held.more(bytes);
    let bytes = ringfence_front::request::read_body(headers, body, most, timeout, charge).await?;
    Ok((bytes, held))
}
