//! The library: store, host and compiler together turn a component's bytes into a skill that runs.
//!
//! A skill in a process:
//!
//! ```text
//!            request                            linked
//! absent ─────────────▶ loading ────────────────────────────▶ loaded
//!    ▲                     │                                     │
//!    │  failed: all who    │                                     │  forgotten, or 1,024 newer
//!    ├─────────────────────┘                                     │  skills were loaded
//!    └───────────────────────────────────────────────────────────┘
//! ```
//!
//! Loading goes through these steps (`load.rs`):
//!
//! ```text
//!              authentic                linked
//! artifact ──────────────▶ link ─────────────────────────────────────────▶ Origin::Artifact
//!    │                       │ the engine rejects it
//!    │ Miss                  ▼ Miss::Rejected
//!    └───────────────────────┴─▶ Validating ─▶ Compiling ─▶ Keeping ─▶ link ─▶ Origin::Compiled
//! ```
//!
//! A submission goes through these (`submit.rs`):
//!
//! ```text
//! check: owner, size, validity, callers ─▶ compile, unless the code is stored ─▶ wait for the owner's turn
//!    ─▶ lock: check again, component, record ─▶ Receipt
//! ```

mod clearance;
mod load;
mod memory;
mod running;
mod submit;
mod warning;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ringfence::{Artifact, Digest, Host, Skill, SkillDescription, ValidatedSkill};
use ringfence_compile::{CompileStage, Compiler};

pub use clearance::{Built, Cleared, Wanted};
pub use load::{Loaded, Origin};
pub use submit::Submitted;
pub use warning::{Warning, asks_for, warnings};

use clearance::Bytes;
use memory::Remembered;
use running::Running;

use crate::artifacts::{KeptSkill, Key, Miss};
use crate::error::StoreError;
use crate::name::{Name, Owner, Reference, Version};
use crate::record::{Entry, Record};
use crate::store::{Resolved, Store};
use crate::turns::{Turn, Turns};

/// Submits and loads skills: validates, compiles in a jailed child, stores, authenticates and links them. A clone
/// is the same library.
///
/// A loaded skill stays loaded, up to 1,024 skills. A process reads and authenticates an artifact once, however often
/// it is loaded. The library asks the store each time whether a reference can run.
#[derive(Debug, Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    host: Host,
    compiler: Compiler,
    running: Arc<Running>,
    /// The store, or why there is none.
    store: Result<Store, String>,
    key: OnceLock<Key>,
    loaded: Mutex<Remembered>,
    /// Turns at changing the store: one change at a time in this process, in turn between owners.
    changes: Turns,
}

/// The current stage of a submission or a load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The library validates the bytes.
    Validating,
    /// A child process compiles the skill.
    Compiling {
        /// Why the store has no code for it.
        miss: Miss,
        /// Bytes of the component.
        size: u64,
    },
    /// Progress of the compilation: it waits for a place, or has used CPU time.
    Compiler(CompileStage),
    /// The store writes the submission.
    Keeping,
}

/// A skill of the store, for display.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspected {
    /// The description of the skill.
    pub description: SkillDescription,
    /// What the reference resolved to.
    pub resolved: Resolved,
}

/// Code that was compiled and linked now.
struct Linked {
    skill: Skill,
    /// Bytes of the code.
    code: u64,
    /// Why the code could not be stored.
    not_kept: Option<String>,
}

impl Library {
    /// Creates a library on a store.
    pub fn new(host: Host, compiler: Compiler, store: Store) -> Self {
        Self::with(host, compiler, Ok(store))
    }

    /// Creates a library without a store, which stores nothing. Errors name the reason.
    pub fn without_store(host: Host, compiler: Compiler, reason: impl Into<String>) -> Self {
        Self::with(host, compiler, Err(reason.into()))
    }

    fn with(host: Host, compiler: Compiler, store: Result<Store, String>) -> Self {
        let (key, loaded, running) = (OnceLock::new(), Mutex::default(), Arc::default());
        let changes = Turns::new(1);
        Self { inner: Arc::new(Inner { host, compiler, running, store, key, loaded, changes }) }
    }

    /// Returns the store, if the library has one.
    pub fn store(&self) -> Option<&Store> {
        self.inner.store.as_ref().ok()
    }

    /// Returns the host, which validates and counts. Begin runs of the store's skills with [`Library::begin`],
    /// because the host does not know revocations.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.inner.compiler
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.inner.running
    }

    /// Checks that the store has not revoked a digest. Without a store nothing is revoked.
    ///
    /// # Errors
    ///
    /// As [`Store::expect_allowed`].
    pub fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        self.inner.expect_allowed(digest)
    }

    /// Releases a held version and makes it current. For the store's admin.
    ///
    /// # Errors
    ///
    /// As [`Store::release`].
    pub async fn release(
        &self,
        name: &Name,
        version: &Version,
        breaking: bool,
    ) -> Result<Record, StoreError> {
        let (name, version) = (name.clone(), version.clone());
        self.blocking(move |inner| {
            inner.store()?.release(&name, &version, breaking, |entry| inner.describe(entry))
        })
        .await
    }

    /// Waits for the turn of `who` to change the store.
    ///
    /// A process makes its changes one after another, and owners take turns. However many changes of one owner wait, they
    /// delay another owner's change by one.
    pub async fn turn(&self, who: &Owner) -> Turn {
        self.inner.changes.wait(who.as_str(), "").await
    }

    /// Returns the number of waiting changes.
    pub fn changes_waiting(&self) -> usize {
        self.inner.changes.waiting()
    }

    /// Changes the store on a blocking thread. The turn ends with the change, even if its future was dropped.
    ///
    /// # Errors
    ///
    /// Fails with the error of `work`.
    pub async fn change<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.change_with(turn, move |inner| work(inner.store()?)).await
    }

    async fn change_with<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(move |inner| {
            let _turn = turn;
            work(inner)
        })
        .await
    }

    /// Returns for each of these components whether its code is stored, so that loading it compiles nothing.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the store cannot be read.
    pub async fn are_compiled(&self, digests: Vec<Digest>) -> Result<Vec<bool>, StoreError> {
        self.blocking(move |inner| {
            let (store, fingerprint) = (inner.store()?, inner.host.fingerprint());
            digests.into_iter().map(|digest| store.has_artifact(fingerprint, digest)).collect()
        })
        .await
    }

    /// Drops a loaded skill, and frees its memory once nothing uses it. Loads and runs check the store anyway, so this is
    /// not needed for a revocation.
    pub fn forget(&self, digest: Digest) {
        self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner).forget(digest);
    }

    /// Reads a component and checks its digest. Private to the store: only cleared skills leave it to run.
    pub(crate) async fn validated(&self, digest: Digest, bytes: Bytes) -> Result<ValidatedSkill, StoreError> {
        self.blocking(move |inner| {
            let bytes = match bytes {
                Bytes::AtHand(bytes) => bytes,
                Bytes::InStore(size) => inner.store()?.component(digest, size)?.into(),
            };
            Ok(inner.host.validate(bytes)?)
        })
        .await
    }

    /// Describes the skill of a reference, whether or not it can run, for display.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill does not exist or is damaged.
    pub async fn inspect(&self, reference: &Reference) -> Result<Inspected, StoreError> {
        let wanted = reference.clone();
        let found = self.blocking(move |inner| inner.store()?.find(&wanted)).await?;
        let description = self.validated(found.digest, Bytes::InStore(found.size)).await?.described();
        Ok(Inspected { description, resolved: found })
    }

    /// Returns the code of a skill, if this store has it.
    async fn kept(&self, digest: Digest, in_memory: bool) -> Result<KeptSkill, Miss> {
        let kept = self.blocking(move |inner| Ok(inner.kept(digest, in_memory))).await;
        kept.unwrap_or_else(|error| Err(Miss::Unreadable(error.to_string())))
    }

    async fn link(&self, kept: KeptSkill) -> Result<Skill, StoreError> {
        self.blocking(move |inner| Ok(inner.host.link_described(&kept.description, &kept.artifact)?)).await
    }

    /// Links code and stores it. If it cannot be stored, the skill can still run.
    async fn link_and_keep(
        &self,
        description: &SkillDescription,
        artifact: Artifact,
    ) -> Result<Linked, StoreError> {
        let description = description.clone();
        self.blocking(move |inner| {
            let skill = inner.host.link_described(&description, &artifact)?;
            let code = artifact.as_bytes().unwrap_or_default().len() as u64;
            let not_kept = inner.keep(&description, &artifact).err().map(|error| error.to_string());
            Ok(Linked { skill, code, not_kept })
        })
        .await
    }

    /// Runs blocking work on a blocking thread.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| {
            Err(StoreError::io("running a task of the store", std::io::Error::other(error)))
        })
    }
}

impl Inner {
    pub(crate) fn store(&self) -> Result<&Store, StoreError> {
        self.store.as_ref().map_err(|reason| StoreError::WithoutStore { reason: reason.clone() })
    }

    pub(crate) fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        match &self.store {
            Ok(store) => store.expect_allowed(digest),
            Err(_) => Ok(()),
        }
    }

    /// Returns the key, if the store has one. Reading creates none, because nothing was stored under it.
    fn key(&self, store: &Store) -> Result<Option<&Key>, StoreError> {
        if self.key.get().is_none()
            && let Some(key) = Key::read(&store.root)?
        {
            let _ = self.key.set(key);
        }
        Ok(self.key.get())
    }

    fn kept(&self, digest: Digest, in_memory: bool) -> Result<KeptSkill, Miss> {
        let store = self.store.as_ref().map_err(|reason| Miss::NoStore(reason.clone()))?;
        let unreadable = |error: StoreError| Miss::Unreadable(error.to_string());
        let Some(key) = self.key(store).map_err(unreadable)? else {
            // Nothing was ever kept, or there is code without the key that would vouch for it.
            let orphan = store.has_artifact(self.host.fingerprint(), digest).map_err(unreadable)?;
            return Err(if orphan {
                Miss::Rejected("the store's key is missing".to_owned())
            } else {
                Miss::Absent
            });
        };
        let artifacts = store.artifacts(self.host.fingerprint(), key).map_err(unreadable)?;
        artifacts.ok_or(Miss::Absent)?.open(digest, in_memory)
    }

    fn keep(&self, description: &SkillDescription, artifact: &Artifact) -> Result<(), StoreError> {
        let store = self.store()?;
        // Revoked while it was compiled.
        store.expect_allowed(description.digest())?;
        let cap = store.policy()?.artifacts;
        let key = match self.key(store)? {
            Some(key) => key,
            None => {
                let key = store.make_key()?;
                self.key.get_or_init(|| key)
            }
        };
        let artifacts = store.make_artifacts(self.host.fingerprint(), key)?;
        artifacts.keep(&store.scratch, description, artifact, cap)
    }

    /// Describes a version: from its stored description, or from its bytes.
    fn describe(&self, entry: &Entry) -> Result<SkillDescription, StoreError> {
        match self.kept(entry.digest, false) {
            Ok(kept) => Ok(kept.description),
            Err(_) => Ok(self.host.validate(self.store()?.component(entry.digest, entry.size)?)?.described()),
        }
    }
}
