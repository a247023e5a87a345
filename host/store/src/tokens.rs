//! Who may call a server of this store: tokens, kept as SHA-256 in one file of the store, never as they are.
//!
//! A token is `rf_ID_SECRET`: 10 hexadecimal digits that name it, and 64 of randomness (256 bits). Its text is given
//! once, when it is made. A token that was revoked stays in the file, so that a server whose last token was revoked
//! still asks for one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ringfence::{Digest, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::StoreError;
use crate::name::{Name, Owner};
use crate::record::{seal, unseal};
use crate::store::{Store, now};

/// The file, in the root of the store.
pub(crate) const FILE: &str = "tokens.json";
const MOST: u64 = 16 << 20;

/// Tokens of one store, revoked ones included.
const TOKENS: usize = 10_000;

/// What a token lets its bearer do. Each is its own: `admin` does not include the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Call tools of the skills that it sees.
    Call,
    /// Submit skills under its owner's names, remove them and roll them back.
    Submit,
    /// See all skills, change others' names, read the metrics.
    Admin,
}

impl FromStr for Scope {
    type Err = StoreError;

    fn from_str(given: &str) -> Result<Self, StoreError> {
        match given {
            "call" => Ok(Self::Call),
            "submit" => Ok(Self::Submit),
            "admin" => Ok(Self::Admin),
            _ => Err(StoreError::Grammar {
                what: "a scope",
                given: text::clean(given, 80),
                expected: "`call`, `submit` or `admin`",
            }),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Submit => "submit",
            Self::Admin => "admin",
        })
    }
}

/// Which names a token sees: one, all that begin so (`acme-*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// All.
    All,
    /// Those that begin so.
    Prefix(String),
    /// One.
    Name(Name),
}

impl Pattern {
    /// Whether a name is one of these.
    pub fn fits(&self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix.as_str()),
            Self::Name(known) => known == name,
        }
    }
}

impl FromStr for Pattern {
    type Err = StoreError;

    fn from_str(given: &str) -> Result<Self, StoreError> {
        if given == "*" {
            return Ok(Self::All);
        }
        let parsed = match given.strip_suffix('*') {
            // What begins a name is a name, but for its end.
            Some(prefix) => prefix.parse::<Name>().map(|prefix| Self::Prefix(prefix.as_str().to_owned())),
            None => given.parse().map(Self::Name),
        };
        parsed.map_err(|_| StoreError::Grammar {
            what: "skills that a token sees",
            given: text::clean(given, 80),
            expected: "a name such as `text-stats`, the beginning of names such as `acme-*`, or `*`",
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What is known of a token. Its secret is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// What names it: 10 hexadecimal digits, also the beginning of its text.
    pub id: String,
    /// Whose it is: skills that it submits belong to this owner, and it sees the owner's skills.
    pub owner: Owner,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Which skills it sees besides its owner's.
    pub skills: Vec<Pattern>,
    /// Whose skills these patterns are about; anybody's where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skills_of: BTreeSet<Owner>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// From when on it is refused, in seconds since 1970; none for one that does not expire.
    pub expires: Option<u64>,
    /// When it was revoked, in seconds since 1970.
    pub revoked: Option<u64>,
    /// SHA-256 of its text.
    hash: Digest,
}

impl Token {
    /// SHA-256 of its text, to be compared in constant time.
    pub fn hash(&self) -> &[u8; 32] {
        self.hash.as_bytes()
    }

    /// Whether one of its patterns fits a name of an owner. Its own owner's skills it sees besides.
    pub fn names(&self, name: &Name, owner: &Owner) -> bool {
        (self.skills_of.is_empty() || self.skills_of.contains(owner))
            && self.skills.iter().any(|pattern| pattern.fits(name))
    }

    /// Whether it is taken at a time, in seconds since 1970.
    pub fn is_valid(&self, at: u64) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| at < expires)
    }
}

/// A token that is to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewToken {
    /// Whose it is.
    pub owner: Owner,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Which skills it sees besides its owner's. Default: all.
    pub skills: Vec<Pattern>,
    /// Whose skills these patterns are about. Default: anybody's.
    pub skills_of: BTreeSet<Owner>,
    /// Seconds until it is refused; none for one that does not expire.
    pub lifetime: Option<u64>,
}

impl NewToken {
    /// A token that may call every skill, and does not expire.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner,
            scopes: BTreeSet::from([Scope::Call]),
            skills: vec![Pattern::All],
            skills_of: BTreeSet::new(),
            lifetime: None,
        }
    }
}

impl Store {
    /// All tokens, in the order in which they were made, those that were revoked included.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when they cannot be read. A server does not start then; one that runs goes on with those
    /// that it read.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let Some(bytes) = self.root.read(FILE, MOST)? else { return Ok(Vec::new()) };
        let read =
            unseal(&bytes).and_then(|body| serde_json::from_slice(body).map_err(|error| error.to_string()));
        read.map_err(|reason| StoreError::Damaged {
            path: self.root.label(FILE),
            reason,
            next: "restore it, or move it away and make the tokens again",
        })
    }

    /// Makes a token. Its text is given here and kept nowhere.
    ///
    /// # Errors
    ///
    /// [`StoreError::OverCap`] at 10,000 tokens, revoked ones included; else when it cannot be written.
    pub fn make_token(&self, new: NewToken) -> Result<(Token, String), StoreError> {
        let _lock = self.lock(None)?;
        let mut tokens = self.tokens()?;
        if tokens.len() >= TOKENS {
            let value = (tokens.len() as u64).saturating_add(1);
            let what = "tokens, revoked ones included";
            return Err(StoreError::OverCap { what, value, cap: TOKENS as u64, owner: None });
        }
        let id = loop {
            let id = hex(&random::<5>()?);
            if tokens.iter().all(|token| token.id != id) {
                break id;
            }
        };
        let text = format!("rf_{id}_{}", hex(&random::<32>()?));
        let created = now();
        let token = Token {
            id,
            owner: new.owner,
            scopes: new.scopes,
            skills: new.skills,
            skills_of: new.skills_of,
            created,
            expires: new.lifetime.map(|lifetime| created.saturating_add(lifetime)),
            revoked: None,
            hash: Digest::of(text.as_bytes()),
        };
        tokens.push(token.clone());
        self.write_tokens(&tokens)?;
        Ok((token, text))
    }

    /// Revokes a token. A running server refuses it as soon as it looks at the store again, within a second.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchToken`]; else when it cannot be written.
    pub fn revoke_token(&self, id: &str) -> Result<Token, StoreError> {
        let _lock = self.lock(None)?;
        let mut tokens = self.tokens()?;
        let Some(token) = tokens.iter_mut().find(|token| token.id == id) else {
            return Err(StoreError::NoSuchToken { id: text::clean(id, 80) });
        };
        if token.revoked.is_some() {
            return Ok(token.clone());
        }
        token.revoked = Some(now());
        let token = token.clone();
        self.write_tokens(&tokens)?;
        Ok(token)
    }

    fn write_tokens(&self, tokens: &[Token]) -> Result<(), StoreError> {
        let written =
            serde_json::to_vec(tokens).map_err(|error| StoreError::io("writing tokens", error.into()));
        let mut bytes = written?;
        seal(&mut bytes);
        if bytes.len() as u64 > MOST {
            let what = "bytes of all tokens";
            return Err(StoreError::OverCap { what, value: bytes.len() as u64, cap: MOST, owner: None });
        }
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(&bytes)?;
        draft.keep(&self.root, FILE)
    }
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::io("asking the system for randomness", std::io::Error::other(error)))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
