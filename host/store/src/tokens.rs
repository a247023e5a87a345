//! Tokens of a server of this store, stored as SHA-256 in one file.
//!
//! A token is `rf_ID_SECRET`: 10 hexadecimal digits as its id, and 64 of randomness (256 bits). Its text is returned
//! once, when it is created. A revoked token stays in the file, so that a server whose last token was revoked still
//! demands one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ringfence::{Digest, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::StoreError;
use crate::name::{GrammarError, Name, Owner};
use crate::record::{seal, unseal};
use crate::store::{Store, now};

/// The file, in the root of the store.
pub(crate) const FILE: &str = "tokens.json";
const MOST: u64 = 16 << 20;

/// Tokens of one store, revoked ones included.
const TOKENS: usize = 10_000;

/// A right of a token. Scopes are independent: `admin` does not include the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Call tools of visible skills.
    Call,
    /// Submit skills under the owner's names, remove them and roll them back.
    Submit,
    /// See all skills, change others' names, read the metrics.
    Admin,
}

impl FromStr for Scope {
    type Err = GrammarError;

    fn from_str(given: &str) -> Result<Self, GrammarError> {
        match given {
            "call" => Ok(Self::Call),
            "submit" => Ok(Self::Submit),
            "admin" => Ok(Self::Admin),
            _ => Err(GrammarError {
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

/// A pattern of names that a token sees: one name, a prefix (`acme-*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// All names.
    All,
    /// Names with this prefix.
    Prefix(String),
    /// One name.
    Name(Name),
}

impl Pattern {
    /// Returns whether a name matches.
    pub fn fits(&self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix.as_str()),
            Self::Name(known) => known == name,
        }
    }
}

impl FromStr for Pattern {
    type Err = GrammarError;

    fn from_str(given: &str) -> Result<Self, GrammarError> {
        if given == "*" {
            return Ok(Self::All);
        }
        let parsed = match given.strip_suffix('*') {
            // What begins a name is a name, but for its end.
            Some(prefix) => prefix.parse::<Name>().map(|prefix| Self::Prefix(prefix.as_str().to_owned())),
            None => given.parse().map(Self::Name),
        };
        parsed.map_err(|_| GrammarError {
            what: "a pattern of skill names",
            given: text::clean(given, 80),
            expected: "a name such as `text-stats`, a prefix such as `acme-*`, or `*`",
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

/// A new token, and its text.
#[non_exhaustive]
pub struct IssuedToken {
    /// The token, as the store keeps it.
    pub token: Token,
    /// The text that a client sends. It holds the secret, and the store does not keep it.
    pub text: String,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// The id: 10 hexadecimal digits, also in the token's text.
    pub id: String,
    /// The owner: submissions with the token belong to the owner, and it sees the owner's skills.
    pub owner: Owner,
    /// The scopes.
    pub scopes: BTreeSet<Scope>,
    /// Patterns of the skills that it sees besides its owner's.
    pub skills: Vec<Pattern>,
    /// Owners to whose skills the patterns apply; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skills_of: BTreeSet<Owner>,
    /// Whether it can submit under every free name, and so learns which names are taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_name: bool,
    /// Time of creation, in seconds since 1970.
    pub created: u64,
    /// Time of expiry, in seconds since 1970; none if it does not expire.
    pub expires: Option<u64>,
    /// Time of revocation, in seconds since 1970.
    pub revoked: Option<u64>,
    /// SHA-256 of the token's text.
    hash: Digest,
}

impl Token {
    /// Returns the SHA-256 of the token's text. Compare it in constant time.
    pub fn hash(&self) -> &[u8; 32] {
        self.hash.as_bytes()
    }

    /// Returns whether a pattern matches an owner's name. The token also sees all skills of its own owner.
    pub fn names(&self, name: &Name, owner: &Owner) -> bool {
        (self.skills_of.is_empty() || self.skills_of.contains(owner))
            && self.skills.iter().any(|pattern| pattern.fits(name))
    }

    /// Returns whether the token is valid at a time, in seconds since 1970.
    pub fn is_valid(&self, at: u64) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| at < expires)
    }
}

/// Options of a new token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewToken {
    /// The owner.
    pub owner: Owner,
    /// The scopes.
    pub scopes: BTreeSet<Scope>,
    /// Patterns of the skills of other owners that it sees. Default: none, so that it sees its owner's alone.
    pub skills: Vec<Pattern>,
    /// Owners to whose skills the patterns apply. Default: all.
    pub skills_of: BTreeSet<Owner>,
    /// Whether it can submit under every free name, and so learns which names are taken. Default: no; then it can
    /// submit under names that the patterns name, its owner's names and its owner's prefixes.
    pub any_name: bool,
    /// Seconds until it expires; none if it does not.
    pub lifetime: Option<u64>,
}

impl NewToken {
    /// Creates options for a token that can call its owner's skills and does not expire.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner,
            scopes: BTreeSet::from([Scope::Call]),
            skills: Vec::new(),
            skills_of: BTreeSet::new(),
            any_name: false,
            lifetime: None,
        }
    }
}

impl Store {
    /// Lists all tokens in the order of their creation, revoked ones included.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if they cannot be read. A server does not start then; a running one keeps
    /// those that it read.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let Some(bytes) = self.root.read(FILE, MOST)? else { return Ok(Vec::new()) };
        let read =
            unseal(&bytes).and_then(|body| serde_json::from_slice(body).map_err(|error| error.to_string()));
        read.map_err(|reason| StoreError::Damaged {
            path: self.root.label(FILE),
            reason,
            next: "restore the file, or move it away and create new tokens",
        })
    }

    /// Creates a token and returns it with its text, which is stored nowhere.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::OverCap`] at 10,000 tokens, revoked ones included, and if the store cannot be written.
    pub fn make_token(&self, new: NewToken) -> Result<IssuedToken, StoreError> {
        let _lock = self.lock(None)?;
        let mut tokens = self.tokens()?;
        if tokens.len() >= TOKENS {
            let value = (tokens.len() as u64).saturating_add(1);
            let what = "tokens, including revoked ones";
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
            any_name: new.any_name,
            created,
            expires: new.lifetime.map(|lifetime| created.saturating_add(lifetime)),
            revoked: None,
            hash: Digest::of(text.as_bytes()),
        };
        tokens.push(token.clone());
        self.write_tokens(&tokens)?;
        Ok(IssuedToken { token, text })
    }

    /// Revokes a token. A running server refuses it within a second.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSuchToken`], and if the store cannot be written.
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
            let what = "bytes of token records";
            return Err(StoreError::OverCap { what, value: bytes.len() as u64, cap: MOST, owner: None });
        }
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(&bytes)?;
        draft.keep(&self.root, FILE)
    }
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        StoreError::io("getting random bytes from the system", std::io::Error::other(error))
    })?;
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
