//! A store, a host and a compiler together: the way of a component from bytes to a skill that runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ringfence::{
    Artifact, Digest, Host, Import, Lending, LoadError, Skill, SkillDescription, Tool, ValidatedSkill,
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

/// Takes skills in and loads them: validated, compiled in a jailed child, kept, authenticated, linked. A clone
/// is the same library.
///
/// What was loaded once stays loaded, up to 1,024 skills: an artifact is read and authenticated once in a process,
/// however often it is asked for. Whether a reference may run is asked of the store each time.
#[derive(Debug, Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    host: Host,
    compiler: Compiler,
    running: Arc<Running>,
    /// Or why there is none.
    store: Result<Store, String>,
    key: OnceLock<Key>,
    loaded: Mutex<Remembered>,
    /// One change of the store at a time in this process; owners take turns.
    changes: Turns,
}

/// Skills that were loaded, the oldest first in `order`.
#[derive(Debug, Default)]
struct Remembered {
    cells: HashMap<Digest, Cell>,
    order: VecDeque<Digest>,
}

/// A skill that is loaded once, whoever asks: all who wait get the same, also the same refusal.
type Cell = Arc<OnceCell<Result<Skill, Arc<StoreError>>>>;

/// Skills that a library remembers. One more, and the one that was loaded first is forgotten: skills that were
/// replaced or removed must not be held for as long as a server runs.
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

    /// Forgets what failed, so that the next who asks tries again, unless somebody does already.
    fn forget_failed(&mut self, digest: Digest, failed: &Cell) {
        if self.cells.get(&digest).is_some_and(|cell| Arc::ptr_eq(cell, failed)) {
            self.forget(digest);
        }
    }
}

/// Where the bytes of a component are.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    AtHand(Arc<[u8]>),
    /// In the store, where it has this size.
    InStore(u64),
}

/// What is being done for somebody who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The bytes are being checked.
    Validating,
    /// The skill is being compiled, in a child process.
    Compiling {
        /// Why there is no code for it.
        miss: Miss,
        /// Bytes of the component.
        size: u64,
    },
    /// What the compilation is at: it waits for a place, or has used so much CPU time.
    Compiler(CompileStage),
    /// It is being written.
    Keeping,
}

/// A skill that was loaded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The skill.
    pub skill: Skill,
    /// Where its code came from.
    pub origin: Origin,
}

/// Where code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// This process had loaded it before.
    Memory,
    /// An artifact of the store, authenticated.
    Artifact,
    /// It was compiled now: because of the miss, and kept unless there is a reason why not.
    Compiled {
        /// Why there was no code.
        miss: Miss,
        /// Why the code could not be kept.
        not_kept: Option<String>,
    },
}

/// A submission that was taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submitted {
    /// What became of it.
    pub receipt: Receipt,
    /// What the skill is.
    pub description: SkillDescription,
    /// Bytes of its compiled code, where it was compiled now.
    pub code: Option<u64>,
    /// What the submitter should know.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed and may surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "warning")]
#[non_exhaustive]
pub enum Warning {
    /// Some agents refuse names of tools as long as this one.
    LongName {
        /// The tool.
        tool: String,
    },
    /// It imports a capability that is not granted here: its calls are answered `denied`.
    NotGranted {
        /// The interface.
        interface: String,
    },
    /// An artifact that was not the store's own was found, and was not loaded.
    ArtifactRejected {
        /// What was wrong with it.
        reason: String,
    },
    /// The compiled code could not be kept.
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
                    "the tool name `{tool}` is longer than {SHORT_NAME} characters: some agents refuse it"
                )
            }
            Self::NotGranted { interface } => {
                write!(
                    f,
                    "it asks for `{interface}`, which is not granted here: its calls are answered `denied`"
                )
            }
            Self::ArtifactRejected { reason } => {
                write!(
                    f,
                    "its compiled code was not what this store wrote ({reason}): it was not loaded, and compiled again"
                )
            }
            Self::NotKept { reason } => {
                write!(
                    f,
                    "its compiled code could not be kept ({reason}): it is compiled again by the next process"
                )
            }
        }
    }
}

/// Longest tool name that every agent protocol takes.
const SHORT_NAME: usize = 64;

/// What a skill with these tools and imports may surprise with.
pub fn warnings<'a>(tools: impl Iterator<Item = Tool<'a>>, imports: &[Import]) -> Vec<Warning> {
    let long = tools.filter(|tool| tool.name().chars().count() > SHORT_NAME);
    let long = long.map(|tool| Warning::LongName { tool: tool.name().to_owned() });
    let denied = asks_for(imports).map(|interface| Warning::NotGranted { interface: interface.to_owned() });
    long.chain(denied).collect()
}

/// The capabilities among the imports that somebody would have to grant.
pub fn asks_for(imports: &[Import]) -> impl Iterator<Item = &str> {
    let denied = imports.iter().filter(|import| import.lending == Lending::Denied);
    denied.map(|import| import.name.as_str()).filter(|name| name.starts_with("ringfence:"))
}

impl Library {
    /// A library on a store; or on none, with the reason, and then nothing is kept.
    pub fn new(host: Host, compiler: Compiler, store: Result<Store, String>) -> Self {
        let (key, loaded, running) = (OnceLock::new(), Mutex::default(), Arc::default());
        let changes = Turns::new(1);
        Self { inner: Arc::new(Inner { host, compiler, running, store, key, loaded, changes }) }
    }

    /// Its store, where it has one.
    pub fn store(&self) -> Option<&Store> {
        self.inner.store.as_ref().ok()
    }

    /// Its host, which validates and counts. Whoever runs a skill of the store begins with [`Library::begin`]: the host does
    /// not know what is revoked.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.inner.compiler
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.inner.running
    }

    /// Refuses a digest that the store has revoked; without a store nothing is.
    ///
    /// # Errors
    ///
    /// As [`Store::expect_allowed`].
    pub fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        self.inner.expect_allowed(digest)
    }

    /// Takes a component in: checks it, compiles it in a child, keeps the code, and then makes it visible under
    /// its name in one step. When this returns, it is on the disk.
    ///
    /// What can be refused at once is refused before anything is compiled.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is visible then.
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

    /// Loads what a reference stands for.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such skill, it may not run, or it is damaged.
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

    /// Loads a component that came otherwise, such as a file. Its code is kept like that of any other, its bytes
    /// are not. A digest that this store has revoked does not run.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it is refused or revoked.
    pub async fn load_bytes(&self, bytes: Vec<u8>, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let cleared = self.clear(Wanted::Bytes(bytes)).await?;
        self.load_cleared(&cleared, on).await
    }

    /// Loads what was cleared, and asks once more if that took long.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it is damaged, refused, or may not run any more.
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

    /// Lets a held version run, and makes it current. For the store's admin.
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

    /// Waits for the turn of `who` to change the store. Changes of one process are made one after another, and owners
    /// take turns: whoever waits with many changes delays another owner's by one.
    pub async fn turn(&self, who: &Owner) -> Turn {
        self.inner.changes.wait(who.as_str(), "").await
    }

    /// Changes that wait for their turn.
    pub fn changes_waiting(&self) -> usize {
        self.inner.changes.waiting()
    }

    /// Changes the store, on a thread that may wait. The turn ends with the change, whether or not somebody still waits
    /// for that.
    ///
    /// # Errors
    ///
    /// What `work` returns.
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

    /// For each of these components, whether its code is at hand, so that loading it compiles nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that cannot be seen.
    pub async fn are_compiled(&self, digests: Vec<Digest>) -> Result<Vec<bool>, StoreError> {
        self.blocking(move |inner| {
            let (store, fingerprint) = (inner.store()?, inner.host.fingerprint());
            digests.into_iter().map(|digest| store.has_artifact(fingerprint, digest)).collect()
        })
        .await
    }

    /// Forgets a skill that was loaded, and gives its memory back once nobody holds it. Whether it may run is
    /// asked of the store at every load, and as every run begins, in any case.
    pub fn forget(&self, digest: Digest) {
        self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner).forget(digest);
    }

    /// A skill by its digest, from memory, from an artifact, or compiled. Whoever asks for the same at the same
    /// time waits for the first.
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

    /// The component itself, checked. Private to the store: what comes out of it to be run was cleared.
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

    /// What a reference stands for, whether it may run or not: for a person who looks at it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such skill, or it is damaged.
    pub async fn inspect(&self, reference: &Reference) -> Result<(SkillDescription, Resolved), StoreError> {
        let wanted = reference.clone();
        let found = self.blocking(move |inner| inner.store()?.find(&wanted)).await?;
        let described = self.validated(found.digest, Bytes::InStore(found.size)).await?.described();
        Ok((described, found))
    }

    /// The code of a skill, if this store has it.
    async fn kept(&self, digest: Digest, in_memory: bool) -> Result<KeptSkill, Miss> {
        let kept = self.blocking(move |inner| Ok(inner.kept(digest, in_memory))).await;
        kept.unwrap_or_else(|error| Err(Miss::Unreadable(error.to_string())))
    }

    async fn link(&self, kept: KeptSkill) -> Result<Skill, StoreError> {
        self.blocking(move |inner| Ok(inner.host.link_described(&kept.description, &kept.artifact)?)).await
    }

    /// Links code, and keeps it if it links; gives its size, and why it could not be kept. That is no error: the
    /// skill can run.
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

    /// Does what waits for the disk or computes for long on a thread that may wait.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(StoreError::io("working in the store", std::io::Error::other(error))))
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

    /// The key, if there is one: reading makes none, since nothing could have been kept under it.
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
                Miss::Rejected("the store's key is gone".to_owned())
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

    /// What a version was: as it was kept, or as its bytes say.
    fn describe(&self, entry: &Entry) -> Result<SkillDescription, StoreError> {
        match self.kept(entry.digest, false) {
            Ok(kept) => Ok(kept.description),
            Err(_) => Ok(self.host.validate(self.store()?.component(entry.digest, entry.size)?)?.described()),
        }
    }
}
