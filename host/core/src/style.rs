//! Dialects of JSON Schema for describing tools, and how they differ.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A dialect of JSON Schema for describing a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SchemaStyle {
    /// JSON Schema 2020-12 of exactly the values that the host accepts and writes, with names as in WIT.
    Exact,
    /// A schema for the clients of all vendors: no tuples by position, no references, options that can be absent,
    /// member names with `_` for `-`. Schemas of results have no texts.
    #[default]
    Portable,
    /// OpenAI's strict mode: objects are closed, and all members are required; optional ones can be null.
    OpenAi,
    /// Anthropic's strict mode: objects are closed, bounds are text.
    Anthropic,
    /// Gemini's `parameters`, a subset of OpenAPI 3.0: null is a keyword.
    Gemini,
}

impl SchemaStyle {
    /// All styles, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Portable, Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// Returns the name, as in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Portable => "portable",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    pub(crate) fn dialect(self) -> Option<&'static Dialect> {
        match self {
            Self::Exact => None,
            Self::Portable => Some(&PORTABLE),
            Self::OpenAi => Some(&OPENAI),
            Self::Anthropic => Some(&ANTHROPIC),
            Self::Gemini => Some(&GEMINI),
        }
    }
}

impl fmt::Display for SchemaStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An unknown name of a style.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown schema style `{0}`; expected exact, portable, openai, anthropic or gemini")]
pub struct UnknownStyle(String);

impl FromStr for SchemaStyle {
    type Err = UnknownStyle;

    fn from_str(text: &str) -> Result<Self, UnknownStyle> {
        let found = Self::ALL.into_iter().find(|style| style.name() == text);
        found.ok_or_else(|| UnknownStyle(crate::text::clean(text, 64)))
    }
}

/// How one dialect differs from another.
pub(crate) struct Dialect {
    pub(crate) objects: Objects,
    pub(crate) null: Null,
    pub(crate) cases: Cases,
    pub(crate) bounds: Bounds,
    pub(crate) side: Side,
}

/// What an object's schema states about its members.
#[derive(PartialEq)]
pub(crate) enum Objects {
    /// Which members are required.
    Open,
    /// Which members are required, and that the object has no others.
    Closed,
    /// That all members are required, and that the object has no others.
    Whole,
}

/// How null is written.
#[derive(PartialEq)]
pub(crate) enum Null {
    /// As `nullable` with a default in members, since there some clients need one `type`; elsewhere as `anyOf`.
    Member,
    /// As `nullable`.
    Keyword,
    /// As `anyOf`.
    Union,
}

/// How the cases of a variant are written.
#[derive(PartialEq)]
pub(crate) enum Cases {
    /// As members of one object, of which one is present: some clients show a parameter with `anyOf` as a string.
    Members,
    /// As `anyOf`.
    Union,
}

/// Where bounds are written.
#[derive(PartialEq)]
pub(crate) enum Bounds {
    Keywords,
    Text,
}

/// The side that a schema describes.
#[derive(PartialEq)]
pub(crate) enum Side {
    /// Input, which the host accepts.
    Input,
    /// Results, which the host writes.
    Output,
}

const PORTABLE: Dialect = Dialect {
    // One vendor's client fails on `additionalProperties: false`; those that need it add it.
    objects: Objects::Open,
    null: Null::Member,
    cases: Cases::Members,
    bounds: Bounds::Keywords,
    side: Side::Input,
};

const OPENAI: Dialect = Dialect {
    objects: Objects::Whole,
    null: Null::Union,
    cases: Cases::Union,
    bounds: Bounds::Keywords,
    side: Side::Input,
};

const ANTHROPIC: Dialect = Dialect {
    objects: Objects::Closed,
    null: Null::Union,
    cases: Cases::Union,
    bounds: Bounds::Text,
    side: Side::Input,
};

const GEMINI: Dialect = Dialect {
    objects: Objects::Open,
    null: Null::Keyword,
    cases: Cases::Union,
    bounds: Bounds::Keywords,
    side: Side::Input,
};

/// The dialect of results in all styles: the validators of clients know `anyOf`.
pub(crate) const OUTPUT: Dialect = Dialect {
    objects: Objects::Open,
    null: Null::Union,
    cases: Cases::Union,
    bounds: Bounds::Keywords,
    side: Side::Output,
};
