//! The library: store, host and compiler together turn a component's bytes into a skill that runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ringfence::{
    Access, Artifact, Digest, Host, Import, LoadError, Skill, SkillDescription, Tool, ValidatedSkill,
};
use ringfence_compile::{CompileStage, Compiler};
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::artifacts::{KeptSkill, Key, Miss};
use crate::change::{Receipt, Submit};
use crate::clearance::{Cleared, Wanted};
use crate::error::StoreError;
use crate::name::{Name, Owner, Reference, Version};
use crate::record::{Entry, Record};
use crate::running::Running;
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

/// Loaded skills, the oldest first in `order`.
#[derive(Debug, Default)]
struct Remembered {
    cells: HashMap<Digest, Cell>,
    order: VecDeque<Digest>,
}

/// A skill that is loaded once: all concurrent requests get the same skill or the same error.
type Cell = Arc<OnceCell<Result<Skill, Arc<StoreError>>>>;

/// Maximum number of loaded skills. One more drops the one that was loaded first, so that a server does not keep
/// replaced or removed skills forever.
const REMEMBERED: usize = 1_024;

impl Remembered {
    fn cell(&mut self, digest: Digest) -> Cell {
        if let Some(cell) = self.cells.get(&digest) {
            return Arc::clone(cell);
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.cells.remove(&oldest);
        }
        self.order.push_back(digest);
        Arc::clone(self.cells.entry(digest).or_default())
    }

    fn forget(&mut self, digest: Digest) {
        self.cells.remove(&digest);
        self.order.retain(|known| *known != digest);
    }

    /// Drops a failed load, so that the next request tries again, unless another one does already.
    fn forget_failed(&mut self, digest: Digest, failed: &Cell) {
        if self.cells.get(&digest).is_some_and(|cell| Arc::ptr_eq(cell, failed)) {
            self.forget(digest);
        }
    }
}

/// Source of a component's bytes.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    AtHand(Arc<[u8]>),
    /// The store, with this size.
    InStore(u64),
}

/// The current stage of a submission or a load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The bytes are validated.
    Validating,
    /// The skill is compiled in a child process.
    Compiling {
        /// Why the store has no code for it.
        miss: Miss,
        /// Bytes of the component.
        size: u64,
    },
    /// Progress of the compilation: it waits for a place, or has used CPU time.
    Compiler(CompileStage),
    /// The submission is written.
    Keeping,
}

/// A loaded skill.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The skill.
    pub skill: Skill,
    /// Origin of its code.
    pub origin: Origin,
}

/// Origin of code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A load of this process before.
    Memory,
    /// An artifact of the store, authenticated.
    Artifact,
    /// A compilation now, because of the miss. The code is stored, unless a reason says why not.
    Compiled {
        /// Why the store had no code.
        miss: Miss,
        /// Why the code could not be stored.
        not_kept: Option<String>,
    },
}

/// An accepted submission.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submitted {
    /// The receipt.
    pub receipt: Receipt,
    /// The description of the skill.
    pub description: SkillDescription,
    /// Bytes of its code, if it was compiled now.
    pub code: Option<u64>,
    /// Warnings for the submitter.
    pub warnings: Vec<Warning>,
}

/// A warning about something that is allowed and can surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "warning")]
#[non_exhaustive]
pub enum Warning {
    /// A tool's name is too long for some agents.
    LongName {
        /// The tool.
        tool: String,
    },
    /// The skill imports an interface that is not granted here: calls return `denied`.
    NotGranted {
        /// The interface.
        interface: String,
    },
    /// The store found a foreign artifact and did not load it.
    ArtifactRejected {
        /// What is wrong with it.
        reason: String,
    },
    /// The code could not be stored.
    NotKept {
        /// Why not.
        reason: String,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LongName { tool } => {
                write!(
                    f,
                    "the tool name `{tool}` has more than {SHORT_NAME} characters; some agents reject it"
                )
            }
            Self::NotGranted { interface } => {
                write!(
                    f,
                    "the skill imports `{interface}`, which needs a grant of the operator; without one every call of it fails with `denied`"
                )
            }
            Self::ArtifactRejected { reason } => {
                write!(
                    f,
                    "the cached code failed authentication ({reason}); it was ignored, and the skill was compiled again"
                )
            }
            Self::NotKept { reason } => {
                write!(
                    f,
                    "cannot cache the compiled code ({reason}); the next process compiles the skill again"
                )
            }
        }
    }
}

/// Maximum length of a tool name in every agent protocol.
const SHORT_NAME: usize = 64;

/// Returns the warnings for a skill with these tools and imports.
pub fn warnings<'a>(tools: impl Iterator<Item = Tool<'a>>, imports: &[Import]) -> Vec<Warning> {
    let long = tools.filter(|tool| tool.name().chars().count() > SHORT_NAME);
    let long = long.map(|tool| Warning::LongName { tool: tool.name().to_owned() });
    let denied = asks_for(imports).map(|interface| Warning::NotGranted { interface: interface.to_owned() });
    long.chain(denied).collect()
}

/// Returns the imported interfaces that an operator would have to grant.
pub fn asks_for(imports: &[Import]) -> impl Iterator<Item = &str> {
    let denied = imports.iter().filter(|import| matches!(import.access, Access::ByGrant | Access::Denied));
    denied.map(|import| import.name.as_str()).filter(|name| name.starts_with("ringfence:"))
}

impl Library {
    /// Creates a library on a store, or without one for a reason; then it stores nothing.
    pub fn new(host: Host, compiler: Compiler, store: Result<Store, String>) -> Self {
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

    /// Submits a component: validates it, compiles it in a child, stores the code, and makes it visible under its
    /// name in one step.
    ///
    /// When this returns, the submission is on the disk. Checks that need no compilation come first.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`], and changes nothing visible then.
    pub async fn submit(
        &self,
        bytes: Vec<u8>,
        submit: Submit,
        mut on: impl FnMut(Stage),
    ) -> Result<Submitted, StoreError> {
        on(Stage::Validating);
        let wanted = submit.clone();
        let (skill, compared) = self
            .blocking(move |inner| {
                let store = inner.store()?;
                // Before anything costs time or tells of the bytes: whose the name is.
                store.expect_owner(&wanted.name, &wanted.owner)?;
                store.policy()?.check_upload(bytes.len() as u64)?;
                let skill = inner.host.validate(bytes)?;
                let mut compared = None;
                store.would_take(&skill, &wanted, |current| {
                    let old = inner.describe(current)?;
                    compared = Some(old.clone());
                    Ok(old)
                })?;
                Ok((skill, compared))
            })
            .await?;
        let description = skill.described();
        let mut warnings = warnings(description.tools(), description.imports());
        let code = match self.kept(skill.digest(), false).await {
            Ok(_) => None,
            Err(miss) => {
                on(Stage::Compiling { miss: miss.clone(), size: description.size() });
                if let Miss::Rejected(reason) = miss {
                    warnings.push(Warning::ArtifactRejected { reason });
                }
                let artifact =
                    self.inner.compiler.compile_watched(&skill, |stage| on(Stage::Compiler(stage))).await?;
                let (_, code, not_kept) = self.link_and_keep(&description, artifact).await?;
                warnings.extend(not_kept.map(|reason| Warning::NotKept { reason }));
                Some(code)
            }
        };
        on(Stage::Keeping);
        let turn = self.turn(&submit.owner).await;
        let receipt = self
            .blocking(move |inner| {
                let _turn = turn;
                inner.store()?.submit(&skill, &submit, |current| {
                    // Described before the lock was taken, unless another was submitted since.
                    match compared.filter(|old| old.digest() == current.digest) {
                        Some(old) => Ok(old),
                        None => inner.describe(current),
                    }
                })
            })
            .await?;
        Ok(Submitted { receipt, description, code, warnings })
    }

    /// Loads the skill of a reference.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill does not exist, cannot run, or is damaged.
    pub async fn load(
        &self,
        reference: &Reference,
        on: impl FnMut(Stage),
    ) -> Result<(Loaded, Resolved), StoreError> {
        let cleared = self.clear(Wanted::Reference(reference.clone())).await?;
        let loaded = self.load_cleared(&cleared, on).await?;
        let resolved =
            cleared.resolved().cloned().ok_or(StoreError::NoSuchDigest { digest: cleared.digest })?;
        Ok((loaded, resolved))
    }

    /// Loads a component from elsewhere, such as a file.
    ///
    /// The library stores its code like any other, but not its bytes. A digest that this store has revoked does not
    /// load.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the component is refused or revoked.
    pub async fn load_bytes(&self, bytes: Vec<u8>, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let cleared = self.clear(Wanted::Bytes(bytes)).await?;
        self.load_cleared(&cleared, on).await
    }

    /// Loads a cleared skill, and checks again if that took long.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill is damaged, refused, or can no longer run.
    pub async fn load_cleared(&self, cleared: &Cleared, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let loaded = self.loaded(cleared, on).await;
        match loaded {
            Ok(loaded) if loaded.origin == Origin::Memory => Ok(loaded),
            loaded => {
                // Compiling takes long: that it may not run meanwhile is the answer, also if it failed.
                self.clear_again(cleared).await?;
                loaded
            }
        }
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
    /// A process makes its changes one after another, in turn between owners. Many waiting changes of one owner delay
    /// another owner's by one.
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
        self.blocking(move |inner| {
            let _turn = turn;
            work(inner.store()?)
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

    /// Drops a loaded skill, and frees its memory once nothing uses it. Loads and runs check with the store in any
    /// case.
    pub fn forget(&self, digest: Digest) {
        self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner).forget(digest);
    }

    /// Loads a skill by its digest: from memory, from an artifact, or by compiling. Concurrent requests for one skill
    /// wait for the first.
    async fn loaded(&self, cleared: &Cleared, mut on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let digest = cleared.digest;
        let cell = {
            let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.cell(digest)
        };
        let mut origin = Origin::Memory;
        let skill = cell.get_or_init(|| async {
            let (skill, from) = self.first(cleared, &mut on).await.map_err(Arc::new)?;
            origin = from;
            Ok(skill)
        });
        match skill.await {
            Ok(skill) => Ok(Loaded { skill: skill.clone(), origin }),
            Err(error) => {
                let error = Arc::clone(error);
                let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                loaded.forget_failed(digest, &cell);
                drop(loaded);
                drop(cell);
                // Whoever is the last to hear of it gets the error itself.
                Err(Arc::try_unwrap(error).unwrap_or_else(StoreError::Shared))
            }
        }
    }

    async fn first(
        &self,
        cleared: &Cleared,
        on: &mut impl FnMut(Stage),
    ) -> Result<(Skill, Origin), StoreError> {
        let digest = cleared.digest;
        let linked = match self.kept(digest, false).await {
            // Authenticated, and not mapped: where descriptors have no path, the bytes are read instead.
            Ok(kept) => match self.link(kept).await {
                Err(StoreError::Load(LoadError::Artifact(_))) => match self.kept(digest, true).await {
                    Ok(kept) => match self.link(kept).await {
                        // An engine that does not take what the store vouches for is a miss as well.
                        Err(StoreError::Load(LoadError::Artifact(reason))) => Err(Miss::Rejected(reason)),
                        linked => Ok(linked),
                    },
                    Err(miss) => Err(miss),
                },
                linked => Ok(linked),
            },
            Err(miss) => Err(miss),
        };
        let miss = match linked {
            Ok(skill) => return Ok((skill?, Origin::Artifact)),
            Err(miss) => miss,
        };
        on(Stage::Validating);
        let validated = self.validated(digest, cleared.bytes.clone()).await?;
        on(Stage::Compiling { miss: miss.clone(), size: validated.bytes().len() as u64 });
        let artifact =
            self.inner.compiler.compile_watched(&validated, |stage| on(Stage::Compiler(stage))).await?;
        on(Stage::Keeping);
        let (skill, _, not_kept) = self.link_and_keep(&validated.described(), artifact).await?;
        Ok((skill, Origin::Compiled { miss, not_kept }))
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
    pub async fn inspect(&self, reference: &Reference) -> Result<(SkillDescription, Resolved), StoreError> {
        let wanted = reference.clone();
        let found = self.blocking(move |inner| inner.store()?.find(&wanted)).await?;
        let described = self.validated(found.digest, Bytes::InStore(found.size)).await?.described();
        Ok((described, found))
    }

    /// Returns the code of a skill, if this store has it.
    async fn kept(&self, digest: Digest, in_memory: bool) -> Result<KeptSkill, Miss> {
        let kept = self.blocking(move |inner| Ok(inner.kept(digest, in_memory))).await;
        kept.unwrap_or_else(|error| Err(Miss::Unreadable(error.to_string())))
    }

    async fn link(&self, kept: KeptSkill) -> Result<Skill, StoreError> {
        self.blocking(move |inner| Ok(inner.host.link_described(&kept.description, &kept.artifact)?)).await
    }

    /// Links code and stores it. Returns its size, and why it could not be stored, which is no error: the skill can
    /// run.
    async fn link_and_keep(
        &self,
        description: &SkillDescription,
        artifact: Artifact,
    ) -> Result<(Skill, u64, Option<String>), StoreError> {
        let description = description.clone();
        self.blocking(move |inner| {
            let skill = inner.host.link_described(&description, &artifact)?;
            let size = artifact.as_bytes().unwrap_or_default().len() as u64;
            Ok((skill, size, inner.keep(&description, &artifact).err().map(|error| error.to_string())))
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
