//! Names, versions, owners and references. Each is checked once, so that no other text ever becomes part of a path.

use std::fmt;
use std::str::FromStr;

use ringfence::text::is_skill_name;
use ringfence::{Digest, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text is no name, version, owner or reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {what}; expected {expected}")]
pub struct GrammarError {
    /// The expected kind: `a name of a skill`.
    pub what: &'static str,
    /// The text, cut and without control characters.
    pub given: String,
    /// The grammar in words.
    pub expected: &'static str,
}

impl GrammarError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        "bad-reference"
    }
}

/// The name of a skill: `^[a-z0-9][a-z0-9-]{0,62}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// An owner of names, with the grammar of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

/// A version of a skill: `^[0-9A-Za-z][0-9A-Za-z.+-]{0,62}$`, such as `3` or `1.2.0-rc.1`. Versions have no order
/// except that of their submission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

/// A reference to a skill of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The current version of a name.
    Name(Name),
    /// A version of a name.
    Version(Name, Version),
    /// The bytes with a digest, if a skill has them.
    Digest(Digest),
    /// The bytes whose digest has a prefix: `sha256:` and 8 to 63 hexadecimal digits, if only one has it.
    Prefix(String),
}

/// Maximum bytes of a version.
const LONGEST: usize = 63;

fn is_version(text: &str) -> bool {
    text.len() <= LONGEST
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte))
}

macro_rules! checked {
    ($type:ident, $is:ident, $what:literal, $expected:literal) => {
        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = GrammarError;

            fn from_str(given: &str) -> Result<Self, GrammarError> {
                if $is(given) {
                    return Ok(Self(given.to_owned()));
                }
                let given = text::clean(given, 80);
                Err(GrammarError { what: $what, given, expected: $expected })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

checked!(Name, is_skill_name, "a skill name", "1 to 63 of a-z, 0-9 and -, starting with a letter or digit");
checked!(Owner, is_skill_name, "an owner", "1 to 63 of a-z, 0-9 and -, starting with a letter or digit");
checked!(
    Version,
    is_version,
    "a version",
    "1 to 63 letters, digits, `.`, `+` and `-`, starting with a letter or digit"
);

impl Version {
    /// Returns the version for a number, which a submission without a version gets.
    pub(crate) fn numbered(number: u64) -> Self {
        Self(number.to_string())
    }

    /// Returns the number of the version, if the store can count on from it. A very large number does not count, and
    /// `007` is a version of its own and no number.
    pub(crate) fn number(&self) -> Option<u64> {
        let number = self.0.parse().ok().filter(|number: &u64| *number < 1 << 62);
        number.filter(|number| number.to_string() == self.0)
    }
}

impl FromStr for Reference {
    type Err = GrammarError;

    fn from_str(given: &str) -> Result<Self, GrammarError> {
        if let Ok(digest) = given.parse() {
            return Ok(Self::Digest(digest));
        }
        if let Some(digits) = given.strip_prefix("sha256:") {
            let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            if hex && (8..64).contains(&digits.len()) {
                return Ok(Self::Prefix(digits.to_ascii_lowercase()));
            }
        }
        let parsed = match given.split_once('@') {
            None => given.parse().map(Self::Name),
            Some((name, version)) => {
                name.parse().and_then(|name| version.parse().map(|version| Self::Version(name, version)))
            }
        };
        parsed.map_err(|_| GrammarError {
            what: "a skill",
            given: text::clean(given, 80),
            expected: "a name such as `text-stats`, `name@version`, or a digest: `sha256:` and 8 to 64 \
                       hexadecimal digits",
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Version(name, version) => write!(f, "{name}@{version}"),
            Self::Digest(digest) => digest.fmt(f),
            Self::Prefix(digits) => write!(f, "sha256:{digits}"),
        }
    }
}
