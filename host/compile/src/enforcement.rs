//! How much of a mechanism of the jail a kernel enforces, as a child reports it.

use std::fmt;

/// How much of one mechanism this kernel enforces. The text has the version or the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// The kernel enforces all of it.
    Full(String),
    /// The kernel is too old for some of it.
    Partial(String),
    /// The kernel enforces none of it; the other mechanisms hold alone.
    Unavailable(String),
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(text) => write!(f, "full: {text}"),
            Self::Partial(text) => write!(f, "partial: {text}"),
            Self::Unavailable(text) => write!(f, "unavailable: {text}"),
        }
    }
}

impl Enforcement {
    /// Parses the text of [`fmt::Display`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (how, text) = text.split_once(": ")?;
        match how {
            "full" => Some(Self::Full(text.into())),
            "partial" => Some(Self::Partial(text.into())),
            "unavailable" => Some(Self::Unavailable(text.into())),
            _ => None,
        }
    }
}
