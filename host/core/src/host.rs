//! The host: the only place that knows the order of the stages.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::admit::Admission;
use crate::artifact::Artifact;
use crate::capability::{self, HostInterface, Registry};
#[cfg(feature = "compiler")]
use crate::digest::Digest;
use crate::engine::{self, Allocator, Capacity};
use crate::error::{HostError, LoadError};
use crate::limits::SkillCaps;
use crate::principal::Principal;
use crate::schedule::Scheduler;
use crate::skill::{Skill, SkillDescription};
use crate::state::GuestState;
use crate::target::Backend;
use crate::validate::{self, Offer, Submission, ValidatedSkill};

/// Configures a [`Host`]. Plain data; [`HostBuilder::build`] refuses values out of range.
///
/// Defaults:
///
/// - allocator: [`Allocator::OnDemand`]; see [`HostConfig::pooled`]
/// - backend: [`Backend::Native`]
/// - runs: 1,000
/// - memory: 4 GiB
/// - caps: [`SkillCaps::default`]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostConfig {
    /// How the host allocates instances.
    pub allocator: Allocator,
    /// What executes the code.
    pub backend: Backend,
    /// Maximum number of concurrent runs. One more fails with [`Overloaded`](crate::RunError::Overloaded).
    ///
    /// Default: 1,000. From 1 to 16,000; Linux's stock `vm.max_map_count` allows about 10,000. A skill
    /// with more than 4 memories or 8 tables counts as several runs (above 4,000 runs, with more than
    /// its share of 16,000 memories). The pool reserves about 16 GiB of address space for each run, and no
    /// memory.
    pub runs: u32,
    /// Maximum bytes of all runs together: the memories and tables of guests, and the host's copies of
    /// inputs and results.
    ///
    /// Default: 4 GiB. A run that does not fit fails with [`Overloaded`](crate::RunError::Overloaded). A run that grows
    /// beyond it ends as [`crate::Outcome::HostOverloaded`]. Not covered: loaded skills, the engine.
    pub memory: u64,
    /// Caps on the skills that the host loads.
    pub caps: SkillCaps,
}

ringfence_setters::setters!(HostConfig {
    with_allocator(allocator: Allocator);
    with_backend(backend: Backend);
    with_runs(runs: u32);
    with_memory(memory: u64);
    with_caps(caps: SkillCaps);
});

#[cfg(feature = "pool")]
impl HostConfig {
    /// Returns the configuration of a service: the default with [`Allocator::Pooling`].
    ///
    /// A call begins about 15 µs sooner. The pool reserves about 16 GiB of address space for each run, and no memory.
    pub fn pooled() -> Self {
        Self::default().with_allocator(Allocator::Pooling)
    }
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            allocator: Allocator::default(),
            backend: Backend::default(),
            runs: 1_000,
            memory: 4 << 30,
            caps: SkillCaps::default(),
        }
    }
}

/// Loads skills and runs their tools.
///
/// A host has one engine, one pool, and a thread per core for runs that outlive their first slice. It accepts calls
/// from every thread. A clone is the same host.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    linker: Linker<GuestState>,
    offer: Offer,
    admission: Arc<Admission>,
    scheduler: Scheduler,
    caps: SkillCaps,
    process: u64,
    /// The principal of calls that name none.
    nobody: Principal,
    #[cfg(feature = "compiler")]
    fingerprint: Digest,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("runs", &self.runs()).finish_non_exhaustive()
    }
}

/// Builds a [`Host`] from a configuration and the embedder's own host interfaces.
#[must_use]
pub struct HostBuilder {
    config: HostConfig,
    registry: Result<(Engine, Registry), HostError>,
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl HostBuilder {
    fn new(config: HostConfig) -> Self {
        let registry = check(&config).and_then(|()| {
            let capacity = Capacity::new(config.runs, &config.caps);
            let engine = engine::new(config.allocator, config.backend, &capacity, &config.caps)?;
            let registry = capability::offer(&engine)?;
            Ok((engine, registry))
        });
        Self { config, registry }
    }

    /// Provides a host interface of the embedder, such as `acme:crm/customers@1.0.0`, to every skill that imports
    /// it. `define` names and types its functions.
    pub fn provide(mut self, interface: &str, define: impl FnOnce(&mut HostInterface<'_>)) -> Self {
        if let Ok((_, registry)) = &mut self.registry {
            let provided =
                check_name(interface).and_then(|()| registry.interface(interface)).and_then(|interface| {
                    let mut provided = HostInterface::new(interface);
                    define(&mut provided);
                    provided.finish()
                });
            if let Err(error) = provided {
                self.registry = Err(error);
            }
        }
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    ///
    /// Fails with a [`HostError`] if a value is out of range, an interface cannot be provided, or the system
    /// has too little address space.
    pub fn build(self) -> Result<Host, HostError> {
        let (engine, registry) = self.registry?;
        let capacity = Capacity::new(self.config.runs, &self.config.caps);
        let (linker, offer) = registry.finish();
        let process = getrandom::u64().map_err(HostError::engine)?;
        let admission = Arc::new(Admission::new(capacity, self.config.memory));
        let caps = self.config.caps;
        let inner = Inner {
            #[cfg(feature = "compiler")]
            fingerprint: engine::fingerprint(&engine, &caps, &offer.summary()),
            engine,
            linker,
            offer,
            admission,
            scheduler: Scheduler::new(),
            caps,
            process,
            nobody: Principal::new(""),
        };
        Ok(Host { inner: Arc::new(inner) })
    }
}

fn check(config: &HostConfig) -> Result<(), HostError> {
    let caps = &config.caps;
    let rows = [
        ("runs", config.runs.into(), 1, 16_000),
        ("memory", config.memory, 1, u64::MAX),
        ("caps.size", caps.size, 1, 1 << 30),
        ("caps.tools", caps.tools.into(), 1, 10_000),
        ("caps.schema", caps.schema, 1, 1 << 30),
        ("caps.type_nodes", caps.type_nodes.into(), 1, 1_000_000),
        ("caps.components", caps.components.into(), 0, 1_000_000),
        ("caps.modules", caps.modules.into(), 1, 100_000),
        ("caps.declarations", caps.declarations.into(), 1, 1_000_000),
        ("caps.functions", caps.functions.into(), 1, 1_000_000),
        ("caps.globals", caps.globals.into(), 0, 1_000_000),
        ("caps.function_size", caps.function_size.into(), 1, 7_654_321),
        ("caps.segment_elements", caps.segment_elements, 0, 1 << 20),
        ("caps.instances", caps.instances.into(), 1, 1_000),
        ("caps.memories", caps.memories.into(), 1, 100),
        ("caps.tables", caps.tables.into(), 1, 1_000),
        ("caps.table_elements", caps.table_elements, 1, 10_000_000),
    ];
    match rows.into_iter().find(|(_, value, min, max)| value < min || value > max) {
        None => Ok(()),
        Some((name, value, min, max)) => Err(HostError::Config { name, value, min, max }),
    }
}

fn check_name(interface: &str) -> Result<(), HostError> {
    let path = interface.split_once('@').map_or(interface, |(path, _)| path);
    let words = |text: &str| {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.chars().all(|c| c.is_ascii_alphanumeric())
        };
        text.split('-').all(word)
    };
    let named =
        match path.split_once(':').and_then(|(namespace, rest)| Some((namespace, rest.split_once('/')?))) {
            Some((namespace, (package, name))) => words(namespace) && words(package) && words(name),
            None => false,
        };
    let version = interface.split_once('@').is_none_or(|(_, version)| {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (numbers, _) = version.split_once(['-', '+']).unwrap_or((version, ""));
        numbers.split('.').count() == 3 && numbers.split('.').all(number) && !version.contains('@')
    });
    let reason = if !named || !version {
        "expected a name like `acme:crm/customers@1.0.0`"
    } else if interface.starts_with("wasi:") || interface.starts_with("ringfence:") {
        "the namespaces `wasi:` and `ringfence:` are reserved"
    } else {
        return Ok(());
    };
    Err(HostError::Interface { name: interface.to_owned(), reason: reason.into(), source: None })
}

/// A function or a resource that a host provides to skills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offered<'a> {
    /// The name of its interface, such as `wasi:clocks/wall-clock@0.2.0`.
    pub interface: &'a str,
    /// Its name in the interface.
    pub item: &'a str,
}

impl Host {
    /// Builds a host without interfaces of the embedder.
    ///
    /// # Errors
    ///
    /// As [`HostBuilder::build`].
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        Self::builder(config).build()
    }

    /// Returns a builder for a host with interfaces of the embedder; see [`HostBuilder::provide`].
    pub fn builder(config: HostConfig) -> HostBuilder {
        HostBuilder::new(config)
    }

    /// Validates a component without compiling it.
    ///
    /// # Errors
    ///
    /// Fails with [`LoadError::Refused`], which has every reason.
    pub fn validate(&self, bytes: impl Into<Arc<[u8]>>) -> Result<ValidatedSkill, LoadError> {
        let submission = Submission::new(bytes, &self.inner.caps)?;
        validate::validate(submission, &self.inner.caps, &self.inner.offer)
    }

    /// Links a validated skill to its compiled code.
    ///
    /// # Errors
    ///
    /// Fails with [`LoadError::Refused`] if the host offers an import with other types, with
    /// [`LoadError::ForeignArtifact`] if the code was compiled from another skill, and with
    /// [`LoadError::Artifact`] if another version compiled the code.
    pub fn link(&self, skill: &ValidatedSkill, artifact: &Artifact) -> Result<Skill, LoadError> {
        self.link_described(&skill.described(), artifact)
    }

    /// Links code to the description that a process with the same [`Host::fingerprint`] stored with it.
    ///
    /// # Errors
    ///
    /// As [`Host::link`].
    pub fn link_described(&self, skill: &SkillDescription, artifact: &Artifact) -> Result<Skill, LoadError> {
        Skill::link(skill, artifact, &self.inner.linker, &self.inner.caps)
    }

    /// Returns a fingerprint of everything on which this host's artifacts and descriptions depend.
    ///
    /// That is: the exact versions of Ringfence and engine, the engine's settings, this processor's features, the
    /// caps on skills, and the offered interfaces. Hosts with equal fingerprints can share artifacts.
    #[cfg(feature = "compiler")]
    pub fn fingerprint(&self) -> Digest {
        self.inner.fingerprint
    }

    /// Loads a skill: validates, compiles in this process and links.
    ///
    /// Use it for bytes that you trust not to keep the compiler busy. For others, `ringfence-compile` compiles in a
    /// child process.
    ///
    /// # Errors
    ///
    /// As [`Host::validate`], [`crate::compile`] and [`Host::link`].
    #[cfg(feature = "compiler")]
    pub fn load(&self, bytes: impl Into<Arc<[u8]>>) -> Result<Skill, LoadError> {
        let skill = self.validate(bytes)?;
        let artifact = crate::compile::compile(&skill)?;
        self.link(&skill, &artifact)
    }

    /// Returns the number of current runs. A run of a skill with many memories or tables counts as several.
    pub fn runs(&self) -> u64 {
        self.inner.admission.runs()
    }

    /// Returns the bytes reserved for current runs; 0 if nothing runs.
    pub fn reserved_bytes(&self) -> u64 {
        self.inner.admission.reserved_bytes()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Returns each function and resource that this host provides to skills.
    pub fn offered(&self) -> impl Iterator<Item = Offered<'_>> {
        self.inner.offer.items().map(|(interface, item)| Offered { interface, item })
    }

    /// Returns the caps on the skills that the host loads.
    pub fn caps(&self) -> &SkillCaps {
        &self.inner.caps
    }

    pub(crate) fn admission(&self) -> &Arc<Admission> {
        &self.inner.admission
    }

    pub(crate) fn nobody(&self) -> &Principal {
        &self.inner.nobody
    }

    pub(crate) fn process(&self) -> u64 {
        self.inner.process
    }

    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.inner.scheduler
    }
}
