//! The one gate between a name or a file and bytes that can run. Only a [`Cleared`] is compiled for a run, linked, or
//! bundled, and only [`Library::clear`] makes one.
//!
//! Bytes can run if all of this is true at that moment:
//!
//! - **known**: a reference leads to a version that a record of the store has. A file needs no record.
//! - **not held**: that version was released. A digest is held if every version with it is held. A file is not held.
//! - **not revoked**: the store has no revocation of its digest, whatever the name or the file.
//!
//! A server's catalog checks before whether a caller can see a name; a store has no callers.
//!
//! Commands check this:
//!
//! | command | checks |
//! |---|---|
//! | `run`, `check`, `test`, `test --against` | the gate, for names and files; and again as each run begins ([`Library::begin`]) |
//! | `bundle` | the gate, for names and files, and again for all of them just before it signs; `--with` adds code to cleared skills, by digest |
//! | `export-skill` | the gate, because the folder tells agents to call the skill |
//! | `serve`, `mcp` | the gate as a skill is loaded, and again as each run begins |
//! | `rollback`, `release`, `submit` | whether the digest is revoked, under the store's lock |
//! | `inspect`, `show`, `list`, `verify` | nothing; they show whether a skill is held or revoked |
//! | `pack`, `build` | nothing; they make other bytes |

use std::sync::Arc;

use ringfence::{Digest, SkillDescription, Target, ValidatedSkill};
use tokio::sync::OnceCell;

use super::Library;
use crate::error::StoreError;
use crate::name::Reference;
use crate::store::Resolved;

/// The skill that a caller requests.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The skill of a reference.
    Reference(Reference),
    /// A component from elsewhere, such as a file.
    Bytes(Vec<u8>),
}

/// Bytes that could run when they were cleared. Only this crate sees the bytes themselves.
#[derive(Debug, Clone)]
pub struct Cleared {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    /// The request.
    reference: Option<Reference>,
    resolved: Option<Resolved>,
    /// The validated skill, once it is needed.
    checked: Arc<OnceCell<ValidatedSkill>>,
}

impl Cleared {
    fn new(digest: Digest, bytes: Bytes) -> Self {
        Self { digest, bytes, reference: None, resolved: None, checked: Arc::default() }
    }

    /// Returns the SHA-256 of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the resolved reference; none for a file.
    pub fn resolved(&self) -> Option<&Resolved> {
        self.resolved.as_ref()
    }
}

/// Source of a component's bytes.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    AtHand(Arc<[u8]>),
    /// The store, with this size.
    InStore(u64),
}

/// Code of a cleared skill for one target, for a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub struct Built {
    /// The fingerprint of its engine: [`Target::fingerprint`].
    pub fingerprint: String,
    /// The compiled code.
    pub code: Vec<u8>,
    /// The skill's description, as [`SkillDescription::to_bytes`] writes it.
    pub description: Vec<u8>,
}

impl Library {
    /// Decides whether something can run. The page above lists the conditions.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill does not exist, is held, or is revoked.
    pub async fn clear(&self, wanted: Wanted) -> Result<Cleared, StoreError> {
        self.blocking(move |inner| match wanted {
            Wanted::Reference(reference) => {
                let resolved = inner.store()?.resolve(&reference)?;
                let (digest, bytes) = (resolved.digest, Bytes::InStore(resolved.size));
                let cleared = Cleared::new(digest, bytes);
                Ok(Cleared { reference: Some(reference), resolved: Some(resolved), ..cleared })
            }
            Wanted::Bytes(bytes) => {
                let digest = Digest::of(&bytes);
                inner.expect_allowed(digest)?;
                Ok(Cleared::new(digest, Bytes::AtHand(bytes.into())))
            }
        })
        .await
    }

    /// Checks again that a cleared skill can run: during a long compilation it can have been revoked or removed.
    ///
    /// # Errors
    ///
    /// As [`Library::clear`].
    pub async fn clear_again(&self, cleared: &Cleared) -> Result<(), StoreError> {
        let (digest, reference) = (cleared.digest, cleared.reference.clone());
        self.blocking(move |inner| match reference {
            Some(reference) => inner.store()?.resolve(&reference).map(|_| ()),
            None => inner.expect_allowed(digest),
        })
        .await
    }

    /// Describes a cleared skill: its tools and types.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Load`] if the skill is refused, and if it cannot be read.
    pub async fn describe(&self, cleared: &Cleared) -> Result<SkillDescription, StoreError> {
        Ok(self.checked(cleared).await?.described())
    }

    async fn checked<'a>(&self, cleared: &'a Cleared) -> Result<&'a ValidatedSkill, StoreError> {
        let check = || async {
            let validated = self.validated(cleared.digest, cleared.bytes.clone()).await;
            if validated.is_err() {
                // Where it may not run any more, its bytes are gone with that: so that is the answer.
                self.clear_again(cleared).await?;
            }
            validated
        };
        cleared.checked.get_or_try_init(check).await
    }

    /// Compiles a cleared skill for a target, in a child process. The code is not stored.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill is refused, does not compile, or can no longer run.
    pub async fn build(&self, cleared: &Cleared, target: Target) -> Result<Built, StoreError> {
        let validated = self.checked(cleared).await?;
        let description = validated.described().to_bytes();
        let artifact = self.compiler().compile_for(validated, target).await?;
        self.clear_again(cleared).await?;
        let code = artifact.as_bytes().unwrap_or_default().to_vec();
        Ok(Built { fingerprint: target.fingerprint(), code, description })
    }
}
