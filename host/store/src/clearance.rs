//! The one gate between a name or a file and bytes that may run. Whatever is compiled for a run, linked, or put into a
//! bundle is a [`Cleared`], and only [`Library::clear`] makes one.
//!
//! Bytes may run when all of this is so at the moment of asking:
//!
//! - **known**: a reference leads to a version that a record of the store has. A file needs no record.
//! - **not held**: that version was released. A digest is held when every version that has it is. A file is not held.
//! - **not revoked**: the store has no revocation of its digest, whatever the name or the file.
//!
//! Whom a server lets see a name is asked before, by its catalog: a store has no callers.
//!
//! What commands mean by it:
//!
//! | command | asks |
//! |---|---|
//! | `run`, `check`, `test`, `test --against` | the gate, for names and files; and again as each run begins ([`Library::begin`]) |
//! | `bundle` | the gate, for names and files, and again for all of them just before it signs; `--with` adds code to what was cleared, by digest |
//! | `export-skill` | the gate: the folder tells agents to call the skill |
//! | `serve`, `mcp` | the gate as a skill is loaded, and again as each run begins |
//! | `rollback`, `release`, `submit` | whether the digest is revoked, under the store's lock |
//! | `inspect`, `show`, `list`, `verify` | nothing: people look at what must not run, and are told so |
//! | `pack`, `build` | nothing: they make other bytes |

use std::sync::Arc;

use ringfence::{Digest, SkillDescription, Target, ValidatedSkill};
use tokio::sync::OnceCell;

use crate::error::StoreError;
use crate::library::{Bytes, Library};
use crate::name::Reference;
use crate::store::Resolved;

/// What somebody wants to run.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// What a reference stands for.
    Reference(Reference),
    /// A component that came otherwise, such as a file.
    Bytes(Vec<u8>),
}

/// Bytes that may run, as things were when they were asked for. Nobody outside sees the bytes themselves.
#[derive(Debug, Clone)]
pub struct Cleared {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    /// What it was asked for by.
    reference: Option<Reference>,
    resolved: Option<Resolved>,
    /// It checked, once somebody needed that.
    checked: Arc<OnceCell<ValidatedSkill>>,
}

impl Cleared {
    fn new(digest: Digest, bytes: Bytes) -> Self {
        Self { digest, bytes, reference: None, resolved: None, checked: Arc::default() }
    }

    /// SHA-256 of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What its reference came to; none for a file.
    pub fn resolved(&self) -> Option<&Resolved> {
        self.resolved.as_ref()
    }
}

/// Code of a cleared skill for one target, on its way into a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub struct Built {
    /// The engine that it is for: [`Target::fingerprint`].
    pub fingerprint: String,
    /// The compiled code.
    pub code: Vec<u8>,
    /// What it is of, as [`SkillDescription::to_bytes`] writes it.
    pub description: Vec<u8>,
}

impl Library {
    /// Whether something may run: the one function that decides it. The page above says what it asks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] that says why it may not: there is no such skill, it is held, or it is revoked.
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

    /// Whether what was cleared may still run: compiling takes long, and it may have been revoked or removed meanwhile.
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

    /// What a cleared skill is: its tools and types.
    ///
    /// # Errors
    ///
    /// [`StoreError::Load`] when it is refused; else when it cannot be read.
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

    /// Compiles a cleared skill for a target, in a child process. It is not kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it is refused, it does not compile, or it may not run any more.
    pub async fn build(&self, cleared: &Cleared, target: Target) -> Result<Built, StoreError> {
        let validated = self.checked(cleared).await?;
        let description = validated.described().to_bytes();
        let artifact = self.compiler().compile_for(validated, target).await?;
        self.clear_again(cleared).await?;
        let code = artifact.as_bytes().unwrap_or_default().to_vec();
        Ok(Built { fingerprint: target.fingerprint(), code, description })
    }
}
