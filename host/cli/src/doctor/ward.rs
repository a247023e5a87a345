//! The host of the guests: configured like that of a service, and with every guest loaded like any other skill.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ringfence::{
    CancellationToken, Granted, Host, HostConfig, Input, Limits, Outcome, Report, RunError, Skill, Usage,
};
use ringfence_compile::{CompileLimits, Compiler};
use serde_json::Value;
use tokio::task::JoinSet;

use super::report::{Check, Finding};

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// The least deadline of a check that is not about the deadline.
const SHORTEST: Duration = Duration::from_secs(10);

/// The longest that the doctor waits for a run.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// A hostile guest: its bytes, and the skill that they were made into, or why they were not.
pub(crate) struct Guest {
    pub(crate) wasm: &'static [u8],
    skill: Arc<OnceLock<Result<Skill, String>>>,
}

/// The observations of a run.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The outcome's name, with the trap's where it is one.
    pub(crate) outcome: String,
    pub(crate) value: Value,
    pub(crate) usage: Usage,
}

pub(crate) struct Ward {
    pub(crate) host: Host,
    /// The limits that are tested.
    pub(crate) limits: Limits,
    pub(crate) guests: Guests,
}

/// A host for the default number of runs of a service, with memory for these limits.
pub(crate) fn host(limits: &Limits) -> Result<Host, ringfence::HostError> {
    let default = HostConfig::pooled();
    let copies = limits.input_size.saturating_add(limits.output_size).saturating_mul(64);
    let all = limits.memory.saturating_add(copies).saturating_add(limits.log_size);
    Host::new(default.clone().with_memory(default.memory.max(all.saturating_mul(4))))
}

impl Ward {
    /// Takes the guests in: each is validated, compiled in the limited child, and linked. What fails is
    /// kept with the guest, for the checks that need it.
    pub(crate) async fn admit(host: Host, limits: Limits) -> Self {
        let compiler = Compiler::this_program(CompileLimits::default()).map_err(|error| error.to_string());
        let mut loading = JoinSet::new();
        let guests = Guests::each(|name, wasm| {
            let skill = Arc::new(OnceLock::new());
            let (host, compiler, slot) = (host.clone(), compiler.clone(), Arc::clone(&skill));
            loading.spawn(async move {
                let loaded = match compiler {
                    Ok(compiler) => load(&host, &compiler, wasm).await,
                    Err(error) => Err(format!("cannot start the compiler: {error}")),
                };
                // The only writer of this slot.
                let _ = slot.set(loaded.map_err(|error| format!("cannot load the guest `{name}`: {error}")));
            });
            Guest { wasm, skill }
        });
        while loading.join_next().await.is_some() {}
        Self { host, limits, guests }
    }

    /// Limits that are high enough for every guest, so that a check can set the limit that it tests.
    pub(crate) fn roomy(&self) -> Limits {
        self.limits
            .clone()
            .with_fuel(u64::MAX.saturating_sub(1))
            .with_deadline(self.limits.deadline.clamp(SHORTEST, LONGEST))
            .with_memory(self.limits.memory.max(16 << 20))
            .with_output_size(self.limits.output_size.max(1 << 10))
            .with_input_size(self.limits.input_size.max(1 << 10))
            .with_host_calls(u64::MAX)
    }

    /// Runs a tool as a service would: as a task of the runtime.
    pub(crate) async fn run(
        &self,
        guest: &Guest,
        tool: &str,
        input: impl Into<Input>,
        limits: &Limits,
    ) -> Result<Seen, String> {
        let report = self.report(guest, tool, input, limits, None).await?;
        report.map(Seen::of).map_err(|error| error.to_string())
    }

    /// The same with the host's refusal of the call, and a token.
    pub(crate) async fn report(
        &self,
        guest: &Guest,
        tool: &str,
        input: impl Into<Input>,
        limits: &Limits,
        cancel: Option<CancellationToken>,
    ) -> Result<Result<Report, RunError>, String> {
        let mut call = self.host.call(guest.skill()?, tool).limits(limits);
        if let Some(token) = cancel {
            call = call.cancel(token);
        }
        let run = tokio::spawn(call.json(input.into()));
        run.await.map_err(|error| format!("the run's task failed: {error}"))
    }
}

impl Ward {
    /// Runs a tool with grants.
    pub(crate) async fn granted(
        &self,
        guest: &Guest,
        tool: &str,
        input: impl Into<Input>,
        limits: &Limits,
        granted: Granted,
    ) -> Result<Report, String> {
        let call = self.host.call(guest.skill()?, tool).limits(limits).grant(granted);
        let run = tokio::spawn(call.json(input.into()));
        let report = run.await.map_err(|error| format!("the run's task failed: {error}"))?;
        report.map_err(|error| error.to_string())
    }
}

async fn load(host: &Host, compiler: &Compiler, wasm: &'static [u8]) -> Result<Skill, String> {
    let validated = host.validate(wasm).map_err(|error| error.to_string())?;
    let artifact = compiler.compile(&validated).await.map_err(|error| error.to_string())?;
    host.link(&validated, &artifact).map_err(|error| error.to_string())
}

impl Guest {
    pub(crate) fn skill(&self) -> Result<&Skill, String> {
        match self.skill.get() {
            Some(Ok(skill)) => Ok(skill),
            Some(Err(error)) => Err(error.clone()),
            None => Err("internal error: the guest was not loaded".to_owned()),
        }
    }
}

impl Seen {
    pub(crate) fn of(report: Report) -> Self {
        let outcome = match &report.outcome {
            Outcome::Trapped(trap) => format!("trapped: {}", trap.code),
            other => other.name().to_owned(),
        };
        let value = match &report.outcome {
            Outcome::Completed(value) | Outcome::Failed(value) => value.to_value(),
            _ => Value::Null,
        };
        Self { outcome, value, usage: report.usage }
    }

    pub(crate) fn completed(&self) -> bool {
        self.outcome == "completed"
    }
}

/// A row out of a run, with its figures.
pub(crate) fn row(check: Check, seen: Result<Seen, String>, judge: impl FnOnce(&Seen) -> Finding) -> Check {
    match seen {
        Ok(seen) => check.took(seen.usage.wall).peak(seen.usage.peak_memory).found(Ok(judge(&seen))),
        Err(error) => check.found(Err(error)),
    }
}
