//! The worker: it serves a verified bundle, and replaces it by the next one.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use ringfence::{
    Allocator, Artifact, Backend, CancellationToken, Digest, Fault, Host, HostConfig, HostError, Limits,
    LoadError, Report, RunError, SchemaStyle, Skill, SkillDescription, Target, ToolDetail, text,
};
use ringfence_bundle::{
    BundleError, BundleId, KeyId, Manifest, OpenedSkill, Time, Trust, Wants, open, open_file,
};

use serde_json::{Value, json};

use crate::call::Call;
use crate::identity::{Identity, State};
use crate::seen::Seen;

/// The configuration of a worker.
///
/// Defaults: 32 concurrent runs in 256 MiB, bundles of 64 MiB, no state file, code for the processor if the bundle has it,
/// else for Pulley. These suit a machine of 512 MB; SECURITY.md lists memory outside these limits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerConfig {
    /// Maximum number of concurrent runs; one more is refused. Default: 32. Native code and Pulley count separately.
    pub runs: u32,
    /// Maximum bytes of all runs together; native code and Pulley count separately. Default: 256 MiB. Not covered: the
    /// code of the skills, the engine.
    pub memory: u64,
    /// Maximum bytes of a bundle. Default: 64 MiB.
    pub bundle: u64,
    /// File with the highest version seen, so that a restarted worker refuses older bundles too. Default: none.
    pub state: Option<PathBuf>,
    /// Whether to run code for Pulley only, even if the bundle has native code. Default: no.
    pub interpret: bool,
    /// Clock for the dates of bundles. Default: this machine's.
    pub clock: fn() -> Time,
}

ringfence_setters::setters!(WorkerConfig {
    with_runs(runs: u32);
    with_memory(memory: u64);
    with_bundle(bundle: u64);
    with_state(state: Option<PathBuf>);
    with_interpret(interpret: bool);
    with_clock(clock: fn() -> Time);
});

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            runs: 32,
            memory: 256 << 20,
            bundle: 64 << 20,
            state: None,
            interpret: false,
            clock: Time::now,
        }
    }
}

/// The reason why a worker cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// A value is out of range, or the system lacks resources for the engine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The file with the highest version seen cannot be read.
    #[error(
        "cannot read the state file {path}: {source}; it prevents a return to old bundles; delete it to start over"
    )]
    Seen {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration needs Pulley, which this build lacks.
    #[error("this worker has no interpreter; build it with `--features pulley`")]
    NoPulley,
}

/// The reason why no run took place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The worker has no valid bundle.
    #[error("the worker has no bundle: {0}")]
    NoBundle(String),
    /// The bundle has no skill of that name.
    #[error("the bundle has no skill `{name}`; its skills are: {known}")]
    NoSuchSkill {
        /// The requested name.
        name: String,
        /// The existing names.
        known: String,
    },
    /// The call was refused, or the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl CallError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBundle(_) => "no-bundle",
            Self::NoSuchSkill { .. } => "no-such-skill",
            Self::Run(error) => error.code(),
        }
    }

    /// Returns whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoBundle(_) => Fault::Load,
            Self::NoSuchSkill { .. } => Fault::Caller,
            Self::Run(error) => error.fault(),
        }
    }
}

/// The effect of loading a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The bundle is active now.
    Swapped,
    /// The bundle was active already.
    Unchanged,
}

/// Runs the skills of one bundle at a time. A clone is the same worker.
#[derive(Clone, Debug)]
pub struct Worker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: WorkerConfig,
    native: OnceLock<Host>,
    pulley: OnceLock<Host>,
    trust: ArcSwap<Trust>,
    serving: ArcSwapOption<Serving>,
    /// Replaced bundles that still have runs.
    past: Mutex<Vec<Weak<Identity>>>,
    /// Locked while a bundle loads, so that only one loads at a time.
    seen: Mutex<Seen>,
    /// Why no bundle is active.
    why: Mutex<String>,
    /// Ends all runs.
    cancel: CancellationToken,
}

/// A bundle that serves.
#[derive(Debug)]
pub struct Serving {
    identity: Arc<Identity>,
    target: String,
    backend: Backend,
    host: Host,
    skills: BTreeMap<String, ServedSkill>,
}

/// A skill of a bundle that serves.
#[derive(Debug)]
pub struct ServedSkill {
    name: String,
    skill: Skill,
    limits: Arc<Limits>,
}

impl ServedSkill {
    /// Returns the name in the bundle.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the linked skill. Call it with [`Serving::call`].
    pub fn skill(&self) -> &Skill {
        &self.skill
    }

    /// Returns the limits of its runs.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }
}

impl Serving {
    /// Returns the bundle's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.identity.manifest
    }

    /// Returns the id of the signing key.
    pub fn key(&self) -> KeyId {
        self.identity.key
    }

    /// Returns the id of the bundle.
    pub fn id(&self) -> BundleId {
        self.identity.id
    }

    /// Returns the fingerprint of the active code.
    pub fn fingerprint(&self) -> &str {
        &self.target
    }

    /// Returns whether the code is interpreted.
    pub fn is_interpreted(&self) -> bool {
        self.backend == Backend::Pulley
    }

    /// Returns a skill of the bundle that is not revoked.
    pub fn skill(&self, name: &str) -> Option<&ServedSkill> {
        self.skills.get(name).filter(|served| !self.identity.is_revoked(served.skill.digest()))
    }

    /// Returns the skills that are not revoked, by name.
    pub fn skills(&self) -> impl Iterator<Item = &ServedSkill> {
        self.skills.values().filter(|served| !self.identity.is_revoked(served.skill.digest()))
    }

    /// Returns the names and digests of the bundle's revoked skills. They answer calls with [`RunError::Revoked`].
    pub fn revoked(&self) -> impl Iterator<Item = (&str, Digest)> {
        let skills = self.identity.manifest.skills.iter().map(|skill| (&*skill.name, skill.digest));
        skills.filter(|(_, digest)| self.identity.is_revoked(*digest))
    }

    /// Returns a token for runs of the bundle. The worker cancels it when the bundle is revoked or its key is no longer
    /// trusted, and with it runs that have a child of the token.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.identity.cancel
    }

    /// Checks that the bundle can still be called: it is not revoked, and its dates include now.
    ///
    /// # Errors
    ///
    /// Fails with [`CallError::NoBundle`] and the reason.
    pub fn check(&self) -> Result<(), CallError> {
        if self.identity.cancel.is_cancelled() {
            return Err(CallError::NoBundle("it is no longer trusted, or the worker is stopping".to_owned()));
        }
        let checked = self.identity.manifest.check_time((self.identity.clock)());
        checked.map_err(|error| CallError::NoBundle(error.to_string()))
    }

    /// Prepares a call of a tool under the bundle's limits.
    ///
    /// The call is cancelled when its skill or the bundle is revoked or the key is no longer trusted, even after
    /// another bundle replaced it. The library, the programs and C all run the skills of bundles this way.
    ///
    /// # Errors
    ///
    /// Fails with [`CallError::NoBundle`] if the bundle must no longer be used, with [`CallError::NoSuchSkill`], and
    /// with [`RunError::Revoked`] in [`CallError::Run`] if the skill is revoked.
    pub fn call(&self, skill: &str, tool: &str) -> Result<Call, CallError> {
        self.check()?;
        let served = self.find(skill)?;
        let digest = served.skill.digest();
        let cancel = match self.identity.states.get(&digest) {
            Some(state) => &state.cancel,
            None => &self.identity.cancel,
        };
        let call = Call::new(&self.host, &served.skill, tool, &served.limits, cancel);
        Ok(call.of(&self.identity, digest))
    }

    /// Returns whether a skill is stopped here although a trust allows it.
    fn lacks_allowed(&self, trust: &Trust) -> bool {
        self.revoked().any(|(_, digest)| trust.expect_allowed(digest).is_ok())
    }

    /// Returns the host of the skills, for its figures. Call with [`Serving::call`], because the host does not check
    /// trust.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns a skill of the bundle.
    ///
    /// # Errors
    ///
    /// Fails with [`CallError::NoSuchSkill`], which lists the existing names, and with [`RunError::Revoked`] in
    /// [`CallError::Run`] if the skill is revoked.
    pub fn find(&self, name: &str) -> Result<&ServedSkill, CallError> {
        let mut listed = self.identity.manifest.skills.iter();
        let Some(digest) = listed.find(|skill| skill.name == name).map(|skill| skill.digest) else {
            let known: Vec<&str> = self.skills().take(20).map(|served| &*served.name).collect();
            return Err(CallError::NoSuchSkill { name: text::clean(name, 80), known: known.join(", ") });
        };
        self.identity.expect_allowed(digest)?;
        // Only a skill that was revoked when the bundle was loaded is not there.
        Ok(self.skills.get(name).ok_or(RunError::Revoked { skill: digest, reason: None })?)
    }
}

impl Worker {
    /// Creates a worker without a bundle.
    ///
    /// # Errors
    ///
    /// Fails with a [`WorkerError`].
    pub fn new(config: WorkerConfig, trust: Trust) -> Result<Self, WorkerError> {
        if config.interpret && !Target::here().contains(&Target::Pulley64) {
            return Err(WorkerError::NoPulley);
        }
        let seen = Seen::read(config.state.clone())
            .map_err(|source| WorkerError::Seen { path: config.state.clone().unwrap_or_default(), source })?;
        let inner = Inner {
            native: OnceLock::new(),
            pulley: OnceLock::new(),
            trust: ArcSwap::from_pointee(trust),
            serving: ArcSwapOption::empty(),
            past: Mutex::default(),
            seen: Mutex::new(seen),
            why: Mutex::new("the worker has not loaded one yet".to_owned()),
            cancel: CancellationToken::new(),
            config,
        };
        let worker = Self { inner: Arc::new(inner) };
        // What is out of range is told now, and not when the first bundle comes.
        worker.host(worker.targets().first().copied().unwrap_or(Target::Pulley64))?;
        Ok(worker)
    }

    /// Verifies a bundle of `size` bytes and replaces the active one.
    ///
    /// Current calls continue with their old code. The worker does not load a revoked skill, but serves the others. The
    /// function blocks: it reads, hashes and maps.
    ///
    /// # Errors
    ///
    /// Fails with a [`BundleError`] if the worker refuses the bundle. The active bundle then stays active.
    pub fn load(&self, source: impl Read, size: u64) -> Result<Change, BundleError> {
        let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let targets = self.targets();
        let wanted: Vec<String> = targets.iter().map(|target| target.fingerprint()).collect();
        let trust = self.inner.trust.load_full();
        let now = (self.inner.config.clock)();
        let mut opened = open(source, size, self.inner.config.bundle, &trust, now, Wants::First(&wanted))?;
        seen.check(opened.manifest(), opened.id())?;
        let active = self.inner.serving.load_full();
        // A skill whose revocation was withdrawn comes back with the same bundle.
        if active.is_some_and(|active| active.id() == opened.id() && !active.lacks_allowed(&trust)) {
            return Ok(Change::Unchanged);
        }
        let skills = opened.take_skills();
        let chosen = skills.first().map(|skill| skill.fingerprint().to_owned()).unwrap_or_default();
        let target = targets.into_iter().find(|target| target.fingerprint() == chosen);
        // `open` chose one of them.
        let target =
            target.ok_or_else(|| BundleError::Manifest { reason: "no code".to_owned(), source: None })?;
        let host = self.host(target).map_err(|error| BundleError::Io(io::Error::other(error)))?;
        let mut loaded = BTreeMap::new();
        for opened in skills {
            if trust.expect_allowed(opened.entry().digest).is_err() {
                continue;
            }
            let (name, limits) = (opened.entry().name.clone(), Arc::new(opened.entry().limits.clone()));
            let skill = link(&host, opened).map_err(|reason| BundleError::of_load(&name, reason))?;
            loaded.insert(name.clone(), ServedSkill { name, skill, limits });
        }
        seen.saw(opened.manifest(), opened.id())?;
        let cancel = self.inner.cancel.child_token();
        let states = opened.manifest().skills.iter().map(|skill| {
            (skill.digest, State::new(trust.expect_allowed(skill.digest).is_err(), cancel.child_token()))
        });
        let identity = Arc::new(Identity {
            states: states.collect(),
            manifest: opened.manifest().clone(),
            key: opened.key(),
            id: opened.id(),
            clock: self.inner.config.clock,
            cancel,
        });
        let serving = Serving { identity, target: chosen, backend: target.backend(), host, skills: loaded };
        let before = self.inner.serving.swap(Some(Arc::new(serving)));
        let mut past = self.inner.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.retain(|past| past.strong_count() > 0);
        past.extend(before.map(|before| Arc::downgrade(&before.identity)));
        Ok(Change::Swapped)
    }

    /// Loads a bundle from a file, as [`Worker::load`] does.
    ///
    /// # Errors
    ///
    /// As [`Worker::load`].
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Change, BundleError> {
        let opened = open_file(path.as_ref())?;
        self.load(opened.file, opened.metadata.len())
    }

    /// Replaces trusted keys and revocations.
    ///
    /// If the active bundle is no longer acceptable, the worker cancels its runs and refuses calls. A revoked skill
    /// stops alone: the worker cancels its runs and refuses its calls with [`RunError::Revoked`]. Runs of replaced
    /// bundles end in the same way. If a revocation is withdrawn, load the bundle again.
    pub fn trust(&self, trust: Trust) {
        // Not while a bundle is loaded that the new trust may refuse.
        let _seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(serving) = self.inner.serving.load_full() {
            match serving.identity.check(&trust) {
                Ok(()) => serving.identity.revoke(&trust),
                Err(error) => self.stop(&error),
            }
        }
        let past = self.inner.past.lock().unwrap_or_else(PoisonError::into_inner);
        for past in past.iter().filter_map(Weak::upgrade) {
            match past.check(&trust) {
                Ok(()) => past.revoke(&trust),
                Err(_) => past.cancel.cancel(),
            }
        }
        drop(past);
        self.inner.trust.store(Arc::new(trust));
    }

    fn stop(&self, why: &BundleError) {
        *self.inner.why.lock().unwrap_or_else(PoisonError::into_inner) = why.to_string();
        if let Some(serving) = self.inner.serving.swap(None) {
            serving.identity.cancel.cancel();
        }
    }

    /// Returns the active bundle, if its dates include now.
    ///
    /// # Errors
    ///
    /// Fails with [`CallError::NoBundle`] and the reason.
    pub fn serving(&self) -> Result<Arc<Serving>, CallError> {
        let Some(serving) = self.inner.serving.load_full() else {
            return Err(CallError::NoBundle(
                self.inner.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ));
        };
        serving.check()?;
        Ok(serving)
    }

    /// Returns whether a bundle is active and serves every skill of it that is not revoked.
    pub fn is_complete(&self) -> bool {
        let trust = self.inner.trust.load();
        self.serving().is_ok_and(|serving| !serving.lacks_allowed(&trust))
    }

    /// Checks that a skill outside of bundles is not revoked.
    ///
    /// # Errors
    ///
    /// Fails with [`BundleError::Revoked`] if it is.
    pub fn expect_allowed(&self, skill: Digest) -> Result<(), BundleError> {
        self.inner.trust.load().expect_allowed(skill)
    }

    /// Calls a tool with JSON under the bundle's limits, and returns the report without emitted chunks.
    ///
    /// For chunks or lower limits use [`Worker::serving`] and [`Serving::call`].
    ///
    /// # Errors
    ///
    /// Fails with a [`CallError`] if no run took place.
    pub async fn call(&self, skill: &str, tool: &str, input: impl Into<String>) -> Result<Report, CallError> {
        Ok(self.serving()?.call(skill, tool)?.json(input.into()).await?)
    }

    /// Calls a tool as [`Worker::call`] does, for a caller without a tokio runtime. Blocks this thread until the run
    /// ends.
    ///
    /// # Errors
    ///
    /// As [`Worker::call`].
    pub fn call_blocking(
        &self,
        skill: &str,
        tool: &str,
        input: impl Into<String>,
    ) -> Result<Report, CallError> {
        Ok(self.serving()?.call(skill, tool)?.json_and_chunks_blocking(input.into())?.report)
    }

    /// Cancels all runs, of this bundle and of replaced ones.
    pub fn cancel_runs(&self) {
        self.inner.cancel.cancel();
    }

    /// Returns the targets that this worker can run, the best first.
    fn targets(&self) -> Vec<Target> {
        let here = Target::here().into_iter();
        here.filter(|target| !self.inner.config.interpret || *target == Target::Pulley64).collect()
    }

    /// Returns the maximum bytes of a bundle.
    pub fn largest_bundle(&self) -> u64 {
        self.inner.config.bundle
    }

    /// Returns the fingerprints of code that this worker accepts, the best first.
    pub fn fingerprints(&self) -> Vec<String> {
        self.targets().into_iter().map(Target::fingerprint).collect()
    }

    /// Returns the engine for a target. A worker has one of each kind, and keeps it.
    fn host(&self, target: Target) -> Result<Host, HostError> {
        let backend = target.backend();
        let cell = if backend == Backend::Pulley { &self.inner.pulley } else { &self.inner.native };
        if let Some(host) = cell.get() {
            return Ok(host.clone());
        }
        let WorkerConfig { runs, memory, .. } = self.inner.config;
        // A pool would reserve 16 GiB of address space for each run; small machines have 512 GiB of it.
        let host = Host::new(
            HostConfig::default()
                .with_allocator(Allocator::OnDemand)
                .with_backend(backend)
                .with_runs(runs)
                .with_memory(memory),
        )?;
        Ok(cell.get_or_init(|| host).clone())
    }
}

/// A skill for display to programs: its limits and its tools, with their JSON Schemas.
pub fn show(name: &str, skill: &Skill, limits: &Limits) -> Value {
    let tools = skill.tools().map(|tool| tool.shown(ToolDetail::Call, SchemaStyle::Exact));
    json!({
        "name": name,
        "digest": skill.digest(),
        "description": skill.about(),
        "limits": limits,
        "tools": tools.collect::<Vec<_>>(),
    })
}

/// Maps the code of a skill. Fails if the signed description is of another skill than the manifest says.
fn link(host: &Host, skill: OpenedSkill) -> Result<Skill, LoadError> {
    let digest = skill.entry().digest;
    let built = skill.into_built();
    let description = SkillDescription::from_bytes(&built.description)?;
    // SAFETY: an `OpenedSkill` is made by `ringfence_bundle::open` alone, which gives none before the signature of a
    // trusted key covers these very bytes; they are in this process's memory since, and belong to nobody else. The
    // signer made them with `ringfence bundle`, for the fingerprint that `open` chose: this version of Ringfence and of
    // the engine, and this processor, from the skill whose digest the manifest has. Who holds a trusted key can sign
    // other bytes, and is trusted not to.
    #[expect(unsafe_code, reason = "proof above")]
    let artifact = unsafe { Artifact::from_trusted(digest, built.code) };
    host.link_described(&description, &artifact)
}
