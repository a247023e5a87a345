//! A store, a host and a compiler together: the way of a component from bytes to a skill that runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ringfence::{Artifact, BreakingChange, Digest, Host, LoadError, Skill, SkillDescription, ValidatedSkill};
use ringfence_compile::Compiler;
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::artifacts::{KeptSkill, Key, Miss};
use crate::error::StoreError;
use crate::name::Reference;
use crate::record::Entry;
use crate::store::{Receipt, Resolved, Store, Submit};

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
struct Inner {
    host: Host,
    compiler: Compiler,
    /// Or why there is none.
    store: Result<Store, String>,
    key: OnceLock<Key>,
    loaded: Mutex<Remembered>,
}

/// Skills that were loaded, the oldest first in `order`.
#[derive(Debug, Default)]
struct Remembered {
    cells: HashMap<Digest, Arc<OnceCell<Skill>>>,
    order: VecDeque<Digest>,
}

/// Skills that a library remembers. One more, and the one that was loaded first is forgotten: skills that were
/// replaced or removed must not be held for as long as a server runs.
const REMEMBERED: usize = 1_024;

impl Remembered {
    fn cell(&mut self, digest: Digest) -> Arc<OnceCell<Skill>> {
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

/// What a skill of that description may surprise with.
pub fn warnings(skill: &SkillDescription) -> Vec<Warning> {
    let long = skill.tools().filter(|tool| tool.name().chars().count() > SHORT_NAME);
    let long = long.map(|tool| Warning::LongName { tool: tool.name().to_owned() });
    let denied = skill.imports().iter().filter(|import| import.lending == ringfence::Lending::Denied);
    let denied = denied.filter(|import| import.name.starts_with("ringfence:"));
    long.chain(denied.map(|import| Warning::NotGranted { interface: import.name.clone() })).collect()
}

impl Library {
    /// A library on a store; or on none, with the reason, and then nothing is kept.
    pub fn new(host: Host, compiler: Compiler, store: Result<Store, String>) -> Self {
        let (key, loaded) = (OnceLock::new(), Mutex::default());
        Self { inner: Arc::new(Inner { host, compiler, store, key, loaded }) }
    }

    /// Its store, where it has one.
    pub fn store(&self) -> Option<&Store> {
        self.inner.store.as_ref().ok()
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.inner.host
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
        let skill = self
            .blocking(move |inner| {
                let store = inner.store()?;
                store.policy()?.check_upload(bytes.len() as u64)?;
                let skill = inner.host.validate(bytes)?;
                store.would_take(&skill, &wanted, |current| inner.breaks(current, &skill))?;
                Ok(skill)
            })
            .await?;
        let description = skill.described();
        let mut warnings = warnings(&description);
        let code = match self.kept(skill.digest()).await {
            Ok(_) => None,
            Err(miss) => {
                on(Stage::Compiling { miss: miss.clone(), size: description.size() });
                if let Miss::Rejected(reason) = miss {
                    warnings.push(Warning::ArtifactRejected { reason });
                }
                let artifact = self.inner.compiler.compile(&skill).await?;
                let (code, not_kept) = self.keep(&description, artifact, &skill).await?;
                warnings.extend(not_kept.map(|reason| Warning::NotKept { reason }));
                Some(code)
            }
        };
        on(Stage::Keeping);
        let receipt = self
            .blocking(move |inner| {
                inner.store()?.submit(&skill, &submit, |current| inner.breaks(current, &skill))
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
        let reference = reference.clone();
        let resolved = self.blocking(move |inner| inner.store()?.resolve(&reference)).await?;
        let loaded = self.loaded(resolved.digest, None, on).await?;
        Ok((loaded, resolved))
    }

    /// Loads a component that came otherwise, such as a file. Its code is kept like that of any other, its bytes
    /// are not. A digest that this store has revoked does not run.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it is refused or revoked.
    pub async fn load_bytes(&self, bytes: Vec<u8>, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let digest = Digest::of(&bytes);
        self.blocking(move |inner| match &inner.store {
            Ok(store) => store.expect_allowed(digest),
            Err(_) => Ok(()),
        })
        .await?;
        self.loaded(digest, Some(bytes), on).await
    }

    /// Forgets a skill that was loaded, so that a revocation is seen by the next call. Runs go on.
    pub fn forget(&self, digest: Digest) {
        self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner).forget(digest);
    }

    /// A skill by its digest, from memory, from an artifact, or compiled. Whoever asks for the same at the same
    /// time waits for the first.
    async fn loaded(
        &self,
        digest: Digest,
        bytes: Option<Vec<u8>>,
        mut on: impl FnMut(Stage),
    ) -> Result<Loaded, StoreError> {
        let cell = {
            let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.cell(digest)
        };
        let mut origin = Origin::Memory;
        let skill = cell.get_or_try_init(|| async {
            let (skill, from) = self.first(digest, bytes, &mut on).await?;
            origin = from;
            Ok::<_, StoreError>(skill)
        });
        let skill = skill.await?.clone();
        Ok(Loaded { skill, origin })
    }

    async fn first(
        &self,
        digest: Digest,
        bytes: Option<Vec<u8>>,
        on: &mut impl FnMut(Stage),
    ) -> Result<(Skill, Origin), StoreError> {
        let linked = self.kept(digest).await.and_then(|kept| {
            // An engine that does not take what the store vouches for is a miss as well.
            match self.inner.host.link_described(&kept.description, &kept.artifact) {
                Err(LoadError::Artifact(reason)) => Err(Miss::Rejected(reason)),
                linked => Ok(linked),
            }
        });
        let miss = match linked {
            Ok(skill) => return Ok((skill?, Origin::Artifact)),
            Err(miss) => miss,
        };
        on(Stage::Validating);
        let validated = self
            .blocking(move |inner| {
                let bytes = match bytes {
                    Some(bytes) => bytes,
                    None => inner.store()?.component(digest)?,
                };
                Ok(inner.host.validate(bytes)?)
            })
            .await?;
        on(Stage::Compiling { miss: miss.clone(), size: validated.bytes().len() as u64 });
        let artifact = self.inner.compiler.compile(&validated).await?;
        let skill = self.inner.host.link(&validated, &artifact)?;
        on(Stage::Keeping);
        let (_, not_kept) = self.keep(&validated.described(), artifact, &validated).await?;
        Ok((skill, Origin::Compiled { miss, not_kept }))
    }

    /// The code of a skill, if this store has it.
    async fn kept(&self, digest: Digest) -> Result<KeptSkill, Miss> {
        let kept = self.blocking(move |inner| Ok(inner.kept(digest))).await;
        kept.unwrap_or_else(|error| Err(Miss::NotKept(error.to_string())))
    }

    /// Keeps code; gives its size, and why it could not be kept. That is no error: the skill can run.
    async fn keep(
        &self,
        description: &SkillDescription,
        artifact: Artifact,
        skill: &ValidatedSkill,
    ) -> Result<(u64, Option<String>), StoreError> {
        // Code that this host cannot link must not become somebody's problem later.
        self.inner.host.link(skill, &artifact)?;
        let description = description.clone();
        self.blocking(move |inner| {
            let size = artifact.as_bytes().unwrap_or_default().len() as u64;
            Ok((size, inner.keep(&description, &artifact).err()))
        })
        .await
    }

    /// Does what waits for the disk or computes for long on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(StoreError::io("working in the store", std::io::Error::other(error))))
    }
}

impl Inner {
    fn store(&self) -> Result<&Store, StoreError> {
        self.store.as_ref().map_err(|reason| StoreError::NoStore { path: reason.clone() })
    }

    fn key(&self) -> Result<&Key, String> {
        // Only a key is remembered: what kept it from being read may pass.
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let store = self.store.as_ref().map_err(String::clone)?;
        let key = store.key().map_err(|error| error.to_string())?;
        Ok(self.key.get_or_init(|| key))
    }

    fn kept(&self, digest: Digest) -> Result<KeptSkill, Miss> {
        let store = self.store.as_ref().map_err(|reason| Miss::NotKept(reason.clone()))?;
        let key = self.key().map_err(Miss::NotKept)?;
        let artifacts = store
            .artifacts(self.host.fingerprint(), key)
            .map_err(|error| Miss::NotKept(error.to_string()))?;
        artifacts.open(digest)
    }

    fn keep(&self, description: &SkillDescription, artifact: &Artifact) -> Result<(), String> {
        let store = self.store.as_ref().map_err(String::clone)?;
        let keep = || -> Result<(), StoreError> {
            let cap = store.policy()?.artifacts;
            let key = self.key().map_err(|reason| StoreError::NoStore { path: reason })?;
            let artifacts = store.artifacts(self.host.fingerprint(), key)?;
            artifacts.keep(&store.scratch, description, artifact, cap)
        };
        keep().map_err(|error| error.to_string())
    }

    /// What would break for callers of the current version.
    fn breaks(&self, current: &Entry, new: &ValidatedSkill) -> Result<Vec<BreakingChange>, StoreError> {
        let old = match self.kept(current.digest) {
            Ok(kept) => kept.description,
            Err(_) => self.host.validate(self.store()?.component(current.digest)?)?.described(),
        };
        Ok(new.described().breaking_changes_since(&old))
    }
}
