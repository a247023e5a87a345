//! Trust of a worker: trusted keys, and revoked keys, bundles and skills.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ringfence::{Digest, text};

use crate::error::{BundleError, Time};
use crate::id::{BundleId, KeyId, ParseIdError, RevokedId};
use crate::key::{KeyError, PublicKey};

/// Earliest plausible time: the format did not exist before. 2026-10-01.
const EARLIEST: Time = Time(1_790_812_800);

/// Latest plausible time. 2100-01-01.
const LATEST: Time = Time(4_102_444_800);

/// Why a file of keys or revocations cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of the file is not a public key.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// A line of the file is not a revocation.
    #[error("{path}: {source}")]
    Revocations {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: RevocationsError,
    },
}

impl TrustError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "cannot-read",
            Self::Key { .. } => "bad-key",
            Self::Revocations { .. } => "bad-revocations",
        }
    }
}

/// The trust of a worker: keys and revocations.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    revoked: Revocations,
}

impl Trust {
    /// Trusts these keys. The signature of any one of them is enough. Without a key every bundle is refused.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys, revoked: Revocations::default() }
    }

    /// Trusts the keys of these files, and revokes the entries of all those lists.
    ///
    /// # Errors
    ///
    /// Fails with a [`TrustError`] for the first unusable file.
    pub fn read_files(keys: &[PathBuf], revoked: &[PathBuf]) -> Result<Self, TrustError> {
        let read = |path: &PathBuf| {
            let path = path.clone();
            std::fs::read_to_string(&path).map_err(|source| TrustError::Io { path, source })
        };
        let mut trust = Self::default();
        for path in keys {
            let more = PublicKey::read_all(&read(path)?);
            trust.keys.extend(more.map_err(|source| TrustError::Key { path: path.clone(), source })?);
        }
        for path in revoked {
            let more = Revocations::read(&read(path)?)
                .map_err(|source| TrustError::Revocations { path: path.clone(), source })?;
            trust.revoked.0.extend(more.0);
        }
        Ok(trust)
    }

    /// Trusts the keys of a text, one a line, as [`PublicKey::read_all`] reads it.
    ///
    /// # Errors
    ///
    /// Fails with a [`KeyError`] for an invalid key.
    pub fn from_lines(keys: &str) -> Result<Self, KeyError> {
        Ok(Self::new(PublicKey::read_all(keys)?))
    }

    /// Sets the revocations, for all keys.
    #[must_use]
    pub fn revoking(mut self, revoked: Revocations) -> Self {
        self.revoked = revoked;
        self
    }

    pub(crate) fn key(&self, id: KeyId) -> Result<&PublicKey, BundleError> {
        self.revoked.check(RevokedId::Key(id))?;
        self.keys.iter().find(|key| key.id() == id).ok_or(BundleError::UnknownKey(id))
    }

    /// Checks that an active bundle can continue: key and bundle are not revoked, and its dates include now. A revoked
    /// skill stops alone; see [`Trust::expect_allowed`].
    ///
    /// # Errors
    ///
    /// Fails with the [`BundleError`] that applies.
    pub fn check_serving(
        &self,
        key: KeyId,
        bundle: BundleId,
        manifest: &crate::Manifest,
        now: Time,
    ) -> Result<(), BundleError> {
        self.key(key)?;
        self.allow(bundle, manifest, now)
    }

    /// Checks that a skill is not revoked.
    ///
    /// # Errors
    ///
    /// Fails with [`BundleError::Revoked`] if it is.
    pub fn expect_allowed(&self, skill: Digest) -> Result<(), BundleError> {
        self.revoked.check(RevokedId::Skill(skill))
    }

    /// Checks that no skill of a bundle is revoked, for those who sign or verify one.
    ///
    /// # Errors
    ///
    /// Fails with [`BundleError::Revoked`] for the first one that is.
    pub fn expect_all_allowed(&self, manifest: &crate::Manifest) -> Result<(), BundleError> {
        manifest.skills.iter().try_for_each(|skill| self.expect_allowed(skill.digest))
    }

    pub(crate) fn allow(
        &self,
        id: BundleId,
        manifest: &crate::Manifest,
        now: Time,
    ) -> Result<(), BundleError> {
        self.revoked.check(RevokedId::Bundle(id))?;
        manifest.check_time(now)
    }
}

impl crate::Manifest {
    /// Checks that the dates include now, by a plausible clock.
    ///
    /// # Errors
    ///
    /// Fails with [`BundleError::Clock`], [`BundleError::NotYetValid`] or [`BundleError::Expired`].
    pub fn check_time(&self, now: Time) -> Result<(), BundleError> {
        if now < EARLIEST || now > LATEST {
            return Err(BundleError::Clock { now });
        }
        if now < self.not_before() {
            return Err(BundleError::NotYetValid { not_before: self.not_before(), now });
        }
        if now >= self.expires() {
            return Err(BundleError::Expired { expires: self.expires(), now });
        }
        Ok(())
    }
}

/// An invalid line of a list of revocations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: invalid entry `{entry}`; expected `key:`, `bundle:` or `sha256:` and 64 hexadecimal digits"
)]
#[non_exhaustive]
pub struct RevocationsError {
    /// The line, from 1.
    pub line: usize,
    /// The line's text, cut to 80 characters.
    pub entry: String,
    /// What is wrong with it.
    pub source: ParseIdError,
}

/// A list of revocations, one a line: `key:…`, `bundle:…` or `sha256:…` (a skill), each with 64 hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations(BTreeSet<RevokedId>);

impl Revocations {
    /// Parses a list. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// Fails with a [`RevocationsError`] for the first invalid line, and returns no part of the list, because it would
    /// revoke too little.
    pub fn read(list: &str) -> Result<Self, RevocationsError> {
        let mut revoked = BTreeSet::new();
        for (index, line) in list.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let id = line.parse::<RevokedId>().map_err(|source| RevocationsError {
                line: index.saturating_add(1),
                entry: text::clean(line, 80),
                source,
            })?;
            revoked.insert(id);
        }
        Ok(Self(revoked))
    }

    fn check(&self, what: RevokedId) -> Result<(), BundleError> {
        if self.0.contains(&what) { Err(BundleError::Revoked { what }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_or_refused_as_a_whole() {
        let digits = "AB".repeat(32);
        let list = Revocations::read(&format!("# gone\n\nkey:{digits}\nsha256:{digits}\n")).expect("a list");
        let id = |kind: &str| format!("{kind}:{}", digits.to_lowercase()).parse().expect("an id");
        assert!(list.check(id("key")).is_err());
        assert!(list.check(id("bundle")).is_ok());
        for wrong in
            ["key:1", "skill:aa", "key", &format!("keys:{digits}"), &format!("key:sha256:{digits} x")]
        {
            let refused = Revocations::read(&format!("\n{wrong}"));
            assert!(refused.is_err_and(|error| error.to_string().starts_with("line 2: ")), "{wrong}");
        }
    }
}
