//! Finds the identifier of a message that cannot be parsed: one that is too long to keep, or no JSON.
//!
//! It reads the bytes once and keeps only a few. Where the text stops being JSON, it stops searching.

use ringfence_front::request::unmarked;

use super::id::{Id, LONGEST_ID};

/// Bytes of the member name `id`.
const KEY: usize = 2;

/// Scans a message in chunks.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u32,
    in_text: bool,
    escaped: bool,
    /// Inside the outermost object: whether a value comes next, and the last name, cut.
    wants_value: bool,
    key: Vec<u8>,
    /// The bytes of the value of `id` so far.
    value: Option<Vec<u8>>,
    found: Option<Id>,
    /// Whether the search has ended.
    over: bool,
}

impl Scan {
    /// Scans the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.over {
                return;
            }
            self.byte(*byte);
        }
    }

    /// Returns the identifier, if any. A string that is closed counts also at the end of the text; a number may be cut.
    pub(super) fn id(self) -> Option<Id> {
        let at_end = || {
            let value = self.value.filter(|value| value.first() == Some(&b'"') && !self.in_text)?;
            Id::read(str::from_utf8(&value).ok()?.trim())
        };
        self.found.or_else(at_end)
    }

    fn byte(&mut self, byte: u8) {
        if let Some(value) = &mut self.value {
            let ends = !self.in_text && self.depth == 1 && matches!(byte, b',' | b'}');
            if ends {
                self.found = str::from_utf8(value).ok().and_then(|raw| Id::read(raw.trim()));
                self.value = None;
                self.over = true;
                return;
            }
            if value.len() > LONGEST_ID {
                self.over = true;
                return;
            }
            value.push(byte);
        }
        if self.in_text {
            let ends = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_text = !ends;
            if !ends && self.depth == 1 && !self.wants_value && self.key.len() <= KEY {
                self.key.push(byte);
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_text = true;
                if self.depth == 1 && !self.wants_value {
                    self.key.clear();
                }
            }
            b'{' | b'[' => {
                self.over |= self.depth == 0 && byte == b'[';
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.over |= self.depth == 0;
            }
            b':' if self.depth == 1 => {
                self.wants_value = true;
                if self.key == b"id" {
                    self.value = Some(Vec::new());
                }
            }
            b',' if self.depth == 1 => self.wants_value = false,
            _ => {}
        }
    }
}

/// Returns the identifier of a whole or cut message.
pub(super) fn id_of(bytes: &[u8]) -> Option<Id> {
    let mut scan = Scan::default();
    scan.feed(unmarked(bytes));
    scan.id()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_at_every_position() {
        let rows = [
            (r#"{"id":1,"method":"x"}"#, Some("1")),
            (r#"{"method":"x","params":{"id":5,"a":["}",{"id":6}]},"id" : "a" }"#, Some(r#""a""#)),
            (r#"{"a":"\"id\":7,","id":8}"#, Some("8")),
            (r#"{"a":"id","b":9}"#, None),
            (r#"{"id":{"id":1}}"#, None),
            (r#"{"id":null,"x":1}"#, None),
            (r#"[{"id":1}]"#, None),
            (r#"{"id":1"#, None),
            (r#"{"id":"a""#, Some(r#""a""#)),
            (r#"{"id":"a" "#, Some(r#""a""#)),
            (r#"{"id":"a"#, None),
            (r#"{"id":"a\""#, None),
            (r#"{"ide":1,"id":2}"#, Some("2")),
            ("", None),
        ];
        for (text, id) in rows {
            assert_eq!(id_of(text.as_bytes()).as_ref().map(Id::as_json), id, "{text}");
            // The same, byte by byte.
            let mut scan = Scan::default();
            text.as_bytes().iter().for_each(|byte| scan.feed(&[*byte]));
            assert_eq!(scan.id().as_ref().map(Id::as_json), id, "{text}");
        }
    }
}
