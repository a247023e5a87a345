//! The host behind a handle: a worker for bundles and, in the full library, a host for components.

#[cfg(feature = "compiler")]
use std::collections::BTreeMap;
#[cfg(feature = "compiler")]
use std::sync::{Arc, PoisonError, RwLock};

use ringfence::RunError;
#[cfg(feature = "compiler")]
use ringfence::{CancellationToken, Digest, Limits, Skill};
use ringfence_edge::{BundleError, Call, CallError, Revocations, Trust, Worker, WorkerConfig, show};
use serde::Deserialize;
use serde_json::{Value, json};

/// A host. C code sees only its address.
pub struct RingfenceHost {
    worker: Worker,
    #[cfg(feature = "compiler")]
    host: ringfence::Host,
    #[cfg(feature = "compiler")]
    components: RwLock<BTreeMap<String, Component>>,
}

/// A component that is loaded under a name.
#[cfg(feature = "compiler")]
struct Component {
    skill: Skill,
    limits: Arc<Limits>,
    /// Cancels its runs.
    revoked: CancellationToken,
}

impl std::fmt::Debug for RingfenceHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingfenceHost").finish_non_exhaustive()
    }
}

/// Why a function failed.
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

    /// Returns `{"error": code, "message": text}`, with `pointer` if a value of the input is invalid.
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
        let worker = default
            .clone()
            .with_runs(config.runs.unwrap_or(default.runs))
            .with_memory(config.memory.unwrap_or(default.memory))
            .with_state(config.state)
            .with_interpret(config.interpret);
        #[cfg(feature = "compiler")]
        let host = ringfence::HostConfig::default()
            .with_allocator(ringfence::Allocator::OnDemand)
            .with_runs(worker.runs)
            .with_memory(worker.memory);
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
        self.drop_revoked();
        Ok(())
    }

    pub(crate) fn load_bundle(&self, path: &str) -> Result<(), Failure> {
        Ok(self.worker.load_file(path).map(|_| ())?)
    }

    #[cfg(feature = "compiler")]
    pub(crate) fn load_component(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        // Before it costs anything, and once more when it is there: what is revoked meanwhile does not stay.
        self.worker.expect_allowed(Digest::of(bytes))?;
        let skill = self.host.load(bytes).map_err(|error| Failure::new(error.code(), &error))?;
        let digest = skill.digest();
        let limits = Arc::new(Limits::default());
        let component = Component { skill, limits, revoked: CancellationToken::new() };
        self.components.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), component);
        self.worker.expect_allowed(digest).inspect_err(|_| self.drop_revoked())?;
        Ok(())
    }

    /// Unloads revoked components, and cancels their runs.
    #[cfg(feature = "compiler")]
    fn drop_revoked(&self) {
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        components.retain(|_, component| {
            let allowed = self.worker.expect_allowed(component.skill.digest()).is_ok();
            if !allowed {
                component.revoked.cancel();
            }
            allowed
        });
    }

    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_self, reason = "the same as in the whole library")]
    fn drop_revoked(&self) {}

    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_self, reason = "the same as in the whole library")]
    pub(crate) fn load_component(&self, _: &str, _: &[u8]) -> Result<(), Failure> {
        Err(Failure::new(
            "no-compiler",
            "this library has no compiler; it loads bundles, which `ringfence bundle` creates",
        ))
    }

    /// Returns a call of a component; none if no component has that name.
    #[cfg(feature = "compiler")]
    fn of_component(&self, name: &str, tool: &str) -> Option<Call> {
        let components = self.components.read().unwrap_or_else(PoisonError::into_inner);
        let Component { skill, limits, revoked } = components.get(name)?;
        Some(Call::new(&self.host, skill, tool, limits, revoked))
    }

    #[cfg(not(feature = "compiler"))]
    #[expect(clippy::unused_self, reason = "the same as in the whole library")]
    fn of_component(&self, _: &str, _: &str) -> Option<Call> {
        None
    }

    /// Calls the component of that name, or else the skill of the bundle.
    pub(crate) fn call(
        &self,
        name: &str,
        tool: &str,
        input: &str,
        lower: Option<&str>,
    ) -> Result<String, Failure> {
        let call = match self.of_component(name, tool) {
            Some(call) => call,
            None => self.worker.serving()?.call(name, tool)?,
        };
        let call = match lower {
            Some(text) => call.lowered(text).map_err(|error| Failure::new("bad-limit", error))?,
            None => call,
        };
        let ran = call.json_and_chunks_blocking(input.to_owned())?;
        // Reports have string keys, and no number that JSON lacks: nothing can fail.
        Ok(serde_json::to_string(&ran).unwrap_or_default())
    }

    pub(crate) fn list(&self) -> String {
        let mut skills = Vec::new();
        #[cfg(feature = "compiler")]
        for (name, component) in &*self.components.read().unwrap_or_else(PoisonError::into_inner) {
            skills.push(show(name, &component.skill, &component.limits));
        }
        if let Ok(serving) = self.worker.serving() {
            skills
                .extend(serving.skills().map(|served| show(served.name(), served.skill(), served.limits())));
        }
        Value::from(skills).to_string()
    }
}
