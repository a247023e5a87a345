//! Reads request bodies, up to a size and within a time. It reads nothing of a body whose declared size is too large.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt as _;

use crate::budget::Held;
use crate::error::ServeError;

/// Bytes charged before any byte of a body arrived.
const FIRST: u64 = 64 << 10;

/// Reads a whole body.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    most: u64,
    patience: Duration,
    mut held: Held,
) -> Result<(Vec<u8>, Held), ServeError> {
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() != b"identity");
    if encoded {
        return Err(ServeError::Encoding);
    }
    // Checked by the HTTP layer to be a number, and to be what comes.
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(ServeError::BodyTooLarge(most));
    }
    let expected = said.unwrap_or(0).min(FIRST);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    let receive = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| ServeError::BodyCut)?.into_data() else { continue };
            if (bytes.len() as u64).saturating_add(data.len() as u64) > most {
                return Err(ServeError::BodyTooLarge(most));
            }
            held.more(data.len() as u64)?;
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match tokio::time::timeout(patience, receive).await {
        Ok(received) => received.map(|()| (bytes, held)),
        Err(_) => Err(ServeError::BodyTimeout(patience)),
    }
}
