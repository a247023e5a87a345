//! The identifier of a request, which its response repeats.

use serde::de::IgnoredAny;

/// Maximum bytes of a request's identifier as JSON, because the response repeats it.
pub(crate) const LONGEST_ID: usize = 1024;

/// The identifier of a request, as JSON: a string or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// Parses an identifier; returns none for other values, and for one that is too long.
    pub(super) fn read(raw: &str) -> Option<Self> {
        if raw.len() > LONGEST_ID {
            return None;
        }
        match raw.as_bytes().first()? {
            // Two spellings of a text are one identifier. What is no text, such as half a character, is repeated.
            b'"' if raw.contains('\\') => {
                serde_json::from_str::<IgnoredAny>(raw).ok()?;
                let spelt = serde_json::from_str::<String>(raw).and_then(|text| serde_json::to_string(&text));
                Some(Self(spelt.map_or_else(|_| raw.into(), String::into_boxed_str)))
            }
            b'"' | b'-' | b'0'..=b'9' => {
                serde_json::from_str::<IgnoredAny>(raw).ok()?;
                Some(Self(raw.into()))
            }
            _ => None,
        }
    }

    /// Converts the identifier to JSON.
    pub(super) fn into_json(self) -> Box<str> {
        self.0
    }

    /// Returns the identifier as JSON.
    pub(crate) fn as_json(&self) -> &str {
        &self.0
    }
}
