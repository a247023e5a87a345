//! What stands behind a handle: a worker for bundles, and in the whole library a host for components.

#[cfg(feature = "compiler")]
use std::collections::BTreeMap;
#[cfg(feature = "compiler")]
use std::sync::{PoisonError, RwLock};

use ringfence::{Limits, RunError, Skill};
use ringfence_edge::{BundleError, CallError, Revocations, Trust, Worker, WorkerConfig, show};
use serde::Deserialize;
use serde_json::{Value, json};

/// A host. Only its address is known outside.
pub struct RingfenceHost {
    worker: Worker,
    #[cfg(feature = "compiler")]
    host: ringfence::Host,
    #[cfg(feature = "compiler")]
    components: RwLock<BTreeMap<String, Skill>>,
}

impl std::fmt::Debug for RingfenceHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingfenceHost").finish_non_exhaustive()
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) struct Failure {
    code: &'static str,
    message: String,
    pointer: Option<String>,
}

impl Failure {
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self { code, message: message.to_string(), pointer: None }
    }

    pub(crate) fn usage(message: &str) -> Self {
        Self::new("bad-argument", message)
    }

    pub(crate) fn text(message: &'static str) -> Self {
        Self::usage(message)
    }

    pub(crate) fn fault(message: &str) -> Self {
        Self::new("host-fault", message)
    }

    /// `{"error": code, "message": text}`, and `pointer` where a value of the input does not fit.
    pub(crate) fn to_json(&self) -> String {
        let mut object = json!({"error": self.code, "message": self.message});
        if let (Some(pointer), Some(object)) = (&self.pointer, object.as_object_mut()) {
            object.insert("pointer".to_owned(), Value::from(pointer.as_str()));
        }
        object.to_string()
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { pointer: error.pointer().map(str::to_owned), ..Self::new(error.code(), &error) }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Run(error) => error.into(),
            error => Self::new(error.code(), &error),
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self::new(error.code(), &error)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Trusted {
    keys: Option<String>,
    revoked: Option<String>,
}

impl Trusted {
    fn read(&self) -> Result<Trust, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::new("bad-configuration", error);
        let trust = match &self.keys {
            Some(keys) => Trust::from_lines(keys).map_err(|error| bad(&error))?,
            None => Trust::default(),
        };
        match &self.revoked {
            Some(list) => Ok(trust.revoking(Revocations::read(list).map_err(|error| bad(&error))?)),
            None => Ok(trust),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    keys: Option<String>,
    revoked: Option<String>,
    state: Option<std::path::PathBuf>,
    runs: Option<u32>,
    memory: Option<u64>,
    interpret: bool,
}

impl RingfenceHost {
    pub(crate) fn new(config: Option<&str>) -> Result<Self, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::new("bad-configuration", error);
        let config: Config = config
            .map_or_else(|| Ok(Config::default()), serde_json::from_str)
            .map_err(|error| bad(&error))?;
        let trust = Trusted { keys: config.keys, revoked: config.revoked }.read()?;
        let default = WorkerConfig::default();
        let worker = WorkerConfig {
            runs: config.runs.unwrap_or(default.runs),
            memory: config.memory.unwrap_or(default.memory),
            state: config.state,
            interpret: config.interpret,
            ..default
        };
        #[cfg(feature = "compiler")]
        let host = ringfence::HostConfig {
            allocator: ringfence::Allocator::OnDemand,
            runs: worker.runs,
            memory: worker.memory,
            ..ringfence::HostConfig::default()
        };
        Ok(Self {
            worker: Worker::new(worker, trust).map_err(|error| bad(&error))?,
            #[cfg(feature = "compiler")]
            host: ringfence::Host::new(host).map_err(|error| bad(&error))?,
            #[cfg(feature = "compiler")]
            components: RwLock::default(),
        })
    }

    pub(crate) fn trust(&self, config: &str) -> Result<(), Failure> {
        let config: Trusted =
            serde_json::from_str(config).map_err(|error| Failure::new("bad-configuration", error))?;
        self.worker.trust(config.read()?);
        Ok(())
    }

    pub(crate) fn load_bundle(&self, path: &str) -> Result<(), Failure> {
        Ok(self.worker.load_file(path).map(|_| ())?)
    }

    #[cfg(feature = "compiler")]
    pub(crate) fn load_component(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let loaded = self.host.load(bytes).map_err(|error| Failure::new(error.code(), &error))?;
        self.components.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), loaded);
        Ok(())
    }

    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_self, reason = "the same as in the whole library")]
    pub(crate) fn load_component(&self, _: &str, _: &[u8]) -> Result<(), Failure> {
        Err(Failure::new(
            "no-compiler",
            "this is the worker's library: it loads bundles, which `ringfence bundle` makes",
        ))
    }

    #[cfg(feature = "compiler")]
    fn component(&self, name: &str) -> Option<(ringfence::Host, Skill)> {
        let components = self.components.read().unwrap_or_else(PoisonError::into_inner);
        components.get(name).map(|skill| (self.host.clone(), skill.clone()))
    }

    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_self, reason = "the same as in the whole library")]
    fn component(&self, _: &str) -> Option<(ringfence::Host, Skill)> {
        None
    }

    /// A component of that name, else a skill of the bundle.
    pub(crate) fn call(
        &self,
        name: &str,
        tool: &str,
        input: &str,
        lower: Option<&str>,
    ) -> Result<String, Failure> {
        let (host, skill, limits) = match self.component(name) {
            Some((host, skill)) => (host, skill, Limits::default()),
            None => {
                let serving = self.worker.serving()?;
                let (skill, limits) = serving.find(name)?;
                (serving.host().clone(), skill.clone(), (**limits).clone())
            }
        };
        let limits = match lower {
            Some(text) => limits.lowered(text).map_err(|error| Failure::new("bad-limit", error))?,
            None => limits,
        };
        let call = host.call(&skill, tool).limits(&limits);
        let ran = call.json_and_chunks_blocking(input.to_owned())?;
        // Reports have string keys, and no number that JSON lacks: nothing can fail.
        Ok(serde_json::to_string(&ran).unwrap_or_default())
    }

    pub(crate) fn list(&self) -> String {
        let mut skills = Vec::new();
        #[cfg(feature = "compiler")]
        for (name, skill) in &*self.components.read().unwrap_or_else(PoisonError::into_inner) {
            skills.push(show(name, skill, &Limits::default()));
        }
        if let Ok(serving) = self.worker.serving() {
            let of_bundle = serving.skills().filter_map(|(name, _)| Some((name, serving.skill(name)?)));
            skills.extend(of_bundle.map(|(name, (skill, limits))| show(name, skill, limits)));
        }
        Value::from(skills).to_string()
    }
}
