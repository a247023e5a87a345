//! JSON that is appended to a text that is being written.

use serde::Serialize;

/// Appends a value as JSON.
pub(crate) fn json(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let begun = text.len();
    // Nothing that is written here fails: maps have keys that are text.
    if serde_json::to_writer(&mut *text, value).is_err() {
        text.truncate(begun);
        text.extend_from_slice(b"null");
    }
}
