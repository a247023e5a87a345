//! Names a space, and encodes the name so that no two spaces share a row.

use std::fmt;

use crate::Error;

/// The longest owner, name, digest or principal in a [`Space`], in bytes.
pub const SPACE_NAME_BYTES: usize = 1024;

const NAMED: u8 = 1;
const DIGEST: u8 = 2;
const SHARED: u8 = 0;
const PRINCIPAL: u8 = 1;

/// The skill that owns a space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skill {
    /// A skill of a store: every version of it shares the space.
    Named {
        /// The owner of the skill.
        owner: String,
        /// The name of the skill.
        name: String,
    },
    /// A component without a name, by its digest.
    Digest(String),
}

/// Identifies one space: the keys of a skill, or of a skill and a principal.
///
/// Two spaces are equal only if every part is equal. No separator is special, so hostile names cannot reach into
/// another space.
///
/// ```
/// use ringfence_kv::Space;
///
/// let shared = Space::named("alice", "notes")?;
/// let bobs = shared.clone().with_principal("bob")?;
/// assert_ne!(shared, bobs);
/// assert_eq!(bobs.to_string(), "alice/notes for bob");
/// # Ok::<(), ringfence_kv::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    skill: Skill,
    principal: Option<String>,
}

impl Space {
    /// Returns the space that all principals of a named skill share.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceNameTooLong`] if a part is longer than [`SPACE_NAME_BYTES`].
    pub fn named(owner: impl Into<String>, name: impl Into<String>) -> Result<Self, Error> {
        let (owner, name) = (bounded(owner.into())?, bounded(name.into())?);
        Ok(Self { skill: Skill::Named { owner, name }, principal: None })
    }

    /// Returns the space that all principals of a component without a name share.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceNameTooLong`] if the digest is longer than [`SPACE_NAME_BYTES`].
    pub fn digest(digest: impl Into<String>) -> Result<Self, Error> {
        Ok(Self { skill: Skill::Digest(bounded(digest.into())?), principal: None })
    }

    /// Returns the space of the same skill that belongs to one principal alone.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceNameTooLong`] if the principal is longer than [`SPACE_NAME_BYTES`].
    pub fn with_principal(mut self, principal: impl Into<String>) -> Result<Self, Error> {
        self.principal = Some(bounded(principal.into())?);
        Ok(self)
    }

    /// Returns the skill.
    pub fn skill(&self) -> &Skill {
        &self.skill
    }

    /// Returns the principal, or `None` if all principals share the space.
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Encodes the space. No encoding is a prefix of another one, because each part has its length in front.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.skill {
            Skill::Named { owner, name } => {
                bytes.push(NAMED);
                part(&mut bytes, owner);
                part(&mut bytes, name);
            }
            Skill::Digest(digest) => {
                bytes.push(DIGEST);
                part(&mut bytes, digest);
            }
        }
        match &self.principal {
            None => bytes.push(SHARED),
            Some(principal) => {
                bytes.push(PRINCIPAL);
                part(&mut bytes, principal);
            }
        }
        bytes
    }

    /// Encodes who holds the space of an encoding: its principal, or else the owner of its skill, or else the digest.
    /// `None` for other bytes.
    pub(crate) fn holder(encoded: &[u8]) -> Option<Vec<u8>> {
        let space = Self::decode(encoded)?;
        let (tag, name) = match (&space.principal, &space.skill) {
            (Some(principal), _) => (b'p', principal),
            (None, Skill::Named { owner, .. }) => (b'o', owner),
            (None, Skill::Digest(digest)) => (b'd', digest),
        };
        Some([&[tag], name.as_bytes()].concat())
    }

    /// Reads what [`Space::encode`] wrote; `None` for other bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (skill, rest) = match *tag {
            NAMED => {
                let (owner, rest) = take(rest)?;
                let (name, rest) = take(rest)?;
                (Skill::Named { owner, name }, rest)
            }
            DIGEST => {
                let (digest, rest) = take(rest)?;
                (Skill::Digest(digest), rest)
            }
            _ => return None,
        };
        let (tag, rest) = rest.split_first()?;
        let (principal, rest) = match *tag {
            SHARED => (None, rest),
            PRINCIPAL => {
                let (principal, rest) = take(rest)?;
                (Some(principal), rest)
            }
            _ => return None,
        };
        rest.is_empty().then_some(Self { skill, principal })
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.skill {
            Skill::Named { owner, name } => {
                write!(f, "{}/{}", owner.escape_debug(), name.escape_debug())?;
            }
            Skill::Digest(digest) => write!(f, "{}", digest.escape_debug())?,
        }
        match &self.principal {
            Some(principal) => write!(f, " for {}", principal.escape_debug()),
            None => Ok(()),
        }
    }
}

fn bounded(part: String) -> Result<String, Error> {
    if part.len() > SPACE_NAME_BYTES {
        return Err(Error::SpaceNameTooLong { length: part.len(), limit: SPACE_NAME_BYTES });
    }
    Ok(part)
}

fn part(bytes: &mut Vec<u8>, text: &str) {
    // `bounded` keeps every part far below what 16 bits hold.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn take(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Vec<Space> {
        let words =
            ["", "a", "b", "a/b", "/", "\0", "a\0", "\0\u{1}a", "\u{1}", "\u{0}\u{0}", "é", "a for b"];
        let mut spaces = Vec::new();
        for first in words {
            spaces.push(Space::digest(first).unwrap());
            for second in words {
                spaces.push(Space::digest(first).unwrap().with_principal(second).unwrap());
                spaces.push(Space::named(first, second).unwrap());
                for third in words {
                    spaces.push(Space::named(first, second).unwrap().with_principal(third).unwrap());
                }
            }
        }
        spaces
    }

    #[test]
    fn no_encoding_is_a_prefix_of_another_one() {
        let mut encoded: Vec<Vec<u8>> = hostile().iter().map(Space::encode).collect();
        encoded.sort();
        // In sorted order a prefix stands directly in front of a text that it begins.
        for pair in encoded.windows(2) {
            assert!(!pair[1].starts_with(&pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn an_encoded_space_is_read_back_and_nothing_else_is() {
        for space in hostile() {
            let mut bytes = space.encode();
            assert_eq!(Space::decode(&bytes).as_ref(), Some(&space));
            bytes.push(0);
            assert_eq!(Space::decode(&bytes), None);
            bytes.truncate(bytes.len() - 2);
            assert_eq!(Space::decode(&bytes), None);
        }
    }

    #[test]
    fn a_part_is_refused_just_over_its_limit() {
        let most = "x".repeat(SPACE_NAME_BYTES);
        assert!(Space::named(most.clone(), "n").is_ok());
        let over = format!("{most}x");
        assert!(matches!(Space::named("o", over.clone()), Err(Error::SpaceNameTooLong { .. })));
        assert!(matches!(Space::digest(over.clone()), Err(Error::SpaceNameTooLong { .. })));
        let space = Space::named("o", "n").unwrap();
        assert!(matches!(space.with_principal(over), Err(Error::SpaceNameTooLong { .. })));
    }
}
