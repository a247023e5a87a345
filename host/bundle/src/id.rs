//! Ids of keys and bundles. As a text, an id is its kind, a colon and 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use ringfence::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text is no id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid id; expected `{expected}` and 64 hexadecimal digits")]
pub struct ParseIdError {
    expected: &'static str,
}

/// What a text of an id begins with.
const KEY: &str = "key:";
const BUNDLE: &str = "bundle:";
const SKILL: &str = "sha256:";

/// The id of a key: SHA-256 of the public key's bytes. As a text: `key:…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 32]);

/// The id of a bundle: SHA-256 of the signed bytes. As a text: `bundle:…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId(pub(crate) [u8; 32]);

impl BundleId {
    /// Computes the id from the signed bytes.
    pub(crate) fn of(message: &[u8]) -> Self {
        Self(*Digest::of(message).as_bytes())
    }
}

/// Writes an id.
fn write(f: &mut fmt::Formatter<'_>, kind: &str, bytes: &[u8; 32]) -> fmt::Result {
    f.write_str(kind)?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads an id of one kind.
fn read(text: &str, kind: &'static str) -> Result<[u8; 32], ParseIdError> {
    let digits = text.strip_prefix(kind).filter(|digits| !digits.contains(':'));
    let digest = digits.and_then(|digits| digits.parse().ok());
    digest.map(|digest: Digest| *digest.as_bytes()).ok_or(ParseIdError { expected: kind })
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, KEY, &self.0)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, BUNDLE, &self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        read(text, KEY).map(Self)
    }
}

impl FromStr for BundleId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        read(text, BUNDLE).map(Self)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for BundleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for BundleId {
    /// Also reads `sha256:…`, which the files that remember a version had before.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = text.parse().or_else(|error| read(&text, SKILL).map(Self).map_err(|_| error));
        id.map_err(serde::de::Error::custom)
    }
}

/// What a list of revocations can name. As a text: `key:…`, `bundle:…`, or `sha256:…` for a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RevokedId {
    /// A key, and with it all bundles that it signed.
    Key(KeyId),
    /// A bundle.
    Bundle(BundleId),
    /// A skill, in every bundle.
    Skill(Digest),
}

impl fmt::Display for RevokedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Bundle(id) => id.fmt(f),
            Self::Skill(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for RevokedId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.starts_with(KEY) {
            text.parse().map(Self::Key)
        } else if text.starts_with(BUNDLE) {
            text.parse().map(Self::Bundle)
        } else {
            read(text, SKILL).map(|bytes| Self::Skill(bytes.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let digits = "ab".repeat(32);
        for kind in [KEY, BUNDLE, SKILL] {
            let text = format!("{kind}{digits}");
            assert_eq!(text.parse::<RevokedId>().map(|id| id.to_string()), Ok(text));
        }
        let key: KeyId = format!("key:{digits}").parse().expect("an id");
        let bundle: BundleId = format!("bundle:{digits}").parse().expect("an id");
        assert_eq!(serde_json::to_string(&key).expect("JSON"), format!("\"key:{digits}\""));
        let json = serde_json::to_string(&bundle).expect("JSON");
        assert_eq!(serde_json::from_str::<BundleId>(&json).expect("an id"), bundle);
        let before = format!("\"sha256:{digits}\"");
        assert_eq!(serde_json::from_str::<BundleId>(&before).expect("an id"), bundle, "older files");
    }

    #[test]
    fn an_id_of_another_kind_or_length_is_refused() {
        let digits = "AB".repeat(32);
        for text in [&digits, &format!("key:sha256:{digits}"), &format!("bundle:{digits}"), "key:12", ""] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
        assert!(format!("key:{digits}").parse::<BundleId>().is_err());
        for text in [&digits, &format!("keys:{digits}"), &format!("sha256:{digits}0"), "skill:aa"] {
            assert!(text.parse::<RevokedId>().is_err(), "{text}");
        }
    }
}
