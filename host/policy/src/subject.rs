//! The subject of a run (its skill and its caller), and the part of a grant that selects it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cidr::as_text;
use crate::error::GrantError;
use crate::pattern::NamePattern;

/// The SHA-256 of a component. In text `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SkillDigest(pub [u8; 32]);

impl fmt::Display for SkillDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SkillDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SkillDigest {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let refuse = || GrantError::Skill(text.chars().take(80).collect());
        let hex = text.strip_prefix("sha256:").ok_or_else(refuse)?;
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != 64 || !hex.bytes().all(lower) {
            return Err(refuse());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| refuse())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
        }
        Ok(Self(digest))
    }
}

/// The skill of a run, and its caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The digest of the component.
    pub digest: SkillDigest,
    /// The owner of the name, for a skill of a store that has owners.
    pub owner: Option<String>,
    /// The name, for a skill that has one.
    pub name: Option<String>,
    /// The caller, if callers are known.
    pub principal: Option<String>,
}

impl Subject {
    /// Creates a subject with neither name nor caller: a component from a file.
    pub fn of(digest: SkillDigest) -> Self {
        Self { digest, owner: None, name: None, principal: None }
    }

    /// Returns the narrowest selector of this skill that also selects its new versions.
    pub fn selector(&self) -> SkillSelector {
        let name = self.name.as_deref().and_then(|name| NamePattern::exact(name).ok());
        let named = name.map(|name| SkillSelector::Named { owner: self.owner.clone(), name });
        // A name such as `acme/fetch` would be read as the skill of another owner.
        named
            .filter(|named| named.to_string().parse().as_ref() == Ok(named))
            .unwrap_or(SkillSelector::Digest(self.digest))
    }
}

/// The skills that a grant is bound to.
///
/// In text `sha256:…`, `OWNER/NAME`, `OWNER/NAME*` or `NAME`. A name without an owner selects only skills without one,
/// so no other owner gets the grant by submitting a skill under that name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SkillSelector {
    /// One component, whatever its name.
    Digest(SkillDigest),
    /// Skills by name.
    Named {
        /// The owner.
        owner: Option<String>,
        /// The name. It ends in `*` only if there is an owner.
        name: NamePattern,
    },
}

impl SkillSelector {
    /// Returns true if the selector covers the skill.
    pub fn matches(&self, subject: &Subject) -> bool {
        match self {
            Self::Digest(digest) => *digest == subject.digest,
            Self::Named { owner, name } => {
                *owner == subject.owner && subject.name.as_deref().is_some_and(|found| name.matches(found))
            }
        }
    }
}

impl fmt::Display for SkillSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Named { owner: Some(owner), name } => write!(f, "{owner}/{name}"),
            Self::Named { owner: None, name } => name.fmt(f),
        }
    }
}

impl FromStr for SkillSelector {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if text.starts_with("sha256:") {
            return text.parse().map(Self::Digest);
        }
        let refuse = || GrantError::Skill(text.chars().take(80).collect());
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, text),
        };
        let plain = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
        };
        let start = name.strip_suffix('*').unwrap_or(name);
        let open = start.len() < name.len();
        // `OWNER/*` covers every skill of the owner.
        let name_is_good = plain(start) || (start.is_empty() && open);
        if !name_is_good || (open && owner.is_none()) || !owner.is_none_or(plain) {
            return Err(refuse());
        }
        let name = name.parse().map_err(|_| refuse())?;
        Ok(Self::Named { owner: owner.map(str::to_owned), name })
    }
}

as_text!(SkillDigest, SkillSelector);

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(owner: Option<&str>, name: Option<&str>) -> Subject {
        Subject {
            owner: owner.map(str::to_owned),
            name: name.map(str::to_owned),
            ..Subject::of(SkillDigest([7; 32]))
        }
    }

    #[test]
    fn selectors_are_written_as_they_are_read() {
        let digest = SkillDigest([0xab; 32]).to_string();
        for text in [&digest, "acme/fetch", "acme/fetch-*", "acme/*", "fetch"] {
            assert_eq!(text.parse::<SkillSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_selector_of_a_skill_is_read_back_as_the_same_skill() {
        for (owner, name) in [
            (None, Some("acme/fetch")),
            (None, Some("sha256:fetch")),
            (None, Some("Fetch")),
            (Some("acme"), Some("a/fetch")),
            (Some("a/b"), Some("fetch")),
            (Some(""), Some("fetch")),
            (Some("acme"), Some("fetch")),
            (None, Some("fetch")),
            (None, None),
        ] {
            let subject = subject(owner, name);
            let selector = subject.selector();
            assert_eq!(selector.to_string().parse(), Ok(selector.clone()), "{owner:?} {name:?}");
            assert!(selector.matches(&subject), "{owner:?} {name:?}");
        }
    }

    #[test]
    fn a_star_needs_an_owner() {
        let upper = SkillDigest([0xab; 32]).to_string().to_uppercase().replace("SHA", "sha");
        for text in [
            "*",
            "fetch*",
            "/fetch",
            "acme/",
            "*/fetch",
            "a*/fetch",
            "acme/f*h",
            "acme/a/b",
            "Fetch",
            "",
            "sha256:ab",
            &upper,
        ] {
            assert!(text.parse::<SkillSelector>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_without_an_owner_selects_no_skill_that_has_one() {
        let covers =
            |selector: &str, subject: &Subject| selector.parse::<SkillSelector>().unwrap().matches(subject);
        assert!(covers("fetch", &subject(None, Some("fetch"))));
        assert!(!covers("fetch", &subject(Some("mallory"), Some("fetch"))));
        assert!(!covers("acme/fetch", &subject(Some("mallory"), Some("fetch"))));
        assert!(!covers("acme/fetch", &subject(None, Some("fetch"))));
        assert!(covers("acme/f*", &subject(Some("acme"), Some("fetch"))));
        assert!(!covers("acme/*", &subject(Some("acme"), None)));
        assert!(covers(&SkillDigest([7; 32]).to_string(), &subject(Some("acme"), None)));
        assert!(!covers(&SkillDigest([8; 32]).to_string(), &subject(Some("acme"), None)));
    }
}
