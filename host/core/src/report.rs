//! The report of a run: outcome, usage and log. Plain data without engine types, with a documented JSON form.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::digest::Digest;
use crate::limits::Limits;
use crate::scratch::ReturnedFile;
use crate::usage::{CapabilityUsage, Denial};

/// The report of a run: how it ended and what it cost.
///
/// `T` is the value of a completed run: [`Json`] by default, else [component values](wasmtime::component::Val) or Rust types.
///
/// As JSON: `run`, `skill`, `tool`, `outcome` (the name), `value` if completed, `failure` if failed, `trap` if
/// trapped, `usage`, `limits`, `log`, and `denied` and `files` unless they are empty.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report<T = Json> {
    /// The id of the run.
    pub run: RunId,
    /// The skill.
    pub skill: Digest,
    /// The tool.
    pub tool: Arc<str>,
    /// How the run ended.
    pub outcome: Outcome<T>,
    /// What the run cost.
    pub usage: Usage,
    /// The limits of the run.
    pub limits: Limits,
    /// Lines that the guest logged or printed, up to the limits on the log.
    pub log: Vec<LogLine>,
    /// Uses of a capability that no grant allows, or for which a secret, a certificate or the like is missing. At most
    /// 64, each once. The guest saw no reason.
    pub denied: Vec<Denial>,
    /// Scratch files that the call asked for ([`crate::Call::return_files`]) and that exist, in the order of their paths,
    /// however the run ended.
    pub files: Vec<ReturnedFile>,
}

/// A report, and the chunks of output that the guest emitted ahead of its result.
///
/// As JSON: the report's members, and `chunks` unless there are none.
#[derive(Debug, Clone, Serialize)]
pub struct Ran {
    /// The report.
    #[serde(flatten)]
    pub report: Report,
    /// The chunks, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<String>,
}

/// How a run ended. A run that reaches a limit has an outcome; it is not an error of the host.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T = Json> {
    /// The tool returned its result.
    Completed(T),
    /// The tool returned the error of its top-level `result`.
    Failed(T),
    /// The guest trapped, or violated the rules of the component model.
    Trapped(Box<TrapReport>),
    /// The fuel ran out.
    OutOfFuel,
    /// The deadline passed, in the guest or while it waited in the host.
    DeadlineExceeded,
    /// The guest failed after the host refused a growth of memory or tables.
    MemoryLimit,
    /// The result or the emitted chunks are larger than the output limit.
    OutputLimit,
    /// The guest exceeded its number of host calls.
    HostCallLimit,
    /// The caller's token cancelled the run.
    Cancelled,
    /// The host's memory budget ran out during the run. Retry later.
    HostOverloaded,
}

impl<T> Outcome<T> {
    /// Returns the exit code of a program that made this call. Every program of Ringfence uses it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Completed(_) => 0,
            Self::Failed(_) => 1,
            Self::Trapped(_) => 10,
            Self::OutOfFuel => 11,
            Self::DeadlineExceeded => 12,
            Self::MemoryLimit => 13,
            Self::OutputLimit => 14,
            Self::HostCallLimit => 15,
            Self::Cancelled => 16,
            Self::HostOverloaded => 17,
        }
    }

    /// Returns the stable name, in kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Trapped(_) => "trapped",
            Self::OutOfFuel => "out-of-fuel",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::MemoryLimit => "memory-limit",
            Self::OutputLimit => "output-limit",
            Self::HostCallLimit => "host-call-limit",
            Self::Cancelled => "cancelled",
            Self::HostOverloaded => "host-overloaded",
        }
    }

    /// Converts the value of the outcome.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Completed(value) => Outcome::Completed(f(value)),
            Self::Failed(value) => Outcome::Failed(f(value)),
            Self::Trapped(trap) => Outcome::Trapped(trap),
            Self::OutOfFuel => Outcome::OutOfFuel,
            Self::DeadlineExceeded => Outcome::DeadlineExceeded,
            Self::MemoryLimit => Outcome::MemoryLimit,
            Self::OutputLimit => Outcome::OutputLimit,
            Self::HostCallLimit => Outcome::HostCallLimit,
            Self::Cancelled => Outcome::Cancelled,
            Self::HostOverloaded => Outcome::HostOverloaded,
        }
    }
}

/// Why and where a guest trapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TrapReport {
    /// The trap's stable name in kebab-case, such as `unreachable`, `stack-overflow`, `exit`, or
    /// `abi-violation` for values that violate the canonical ABI.
    pub code: &'static str,
    /// The engine's words, at most 1 KiB, without control characters.
    pub message: String,
    /// Whether the host refused a growth of memory or tables earlier in the run.
    pub growth_refused: bool,
    /// The innermost wasm frames, at most 20, as text without control characters.
    pub backtrace: Vec<String>,
}

/// The resources that a run used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Units of fuel.
    pub fuel: u64,
    /// Wall time from instantiation to the end.
    pub wall: Duration,
    /// Part of `wall` in which the run was on a thread: guest code and the host functions that it
    /// called, without its waits and the turns of other runs.
    pub busy: Duration,
    /// Peak of linear memory in bytes, all memories together, and of scratch files.
    pub peak_memory: u64,
    /// Peak of table elements, all tables together.
    pub peak_table_elements: u64,
    /// Growths of memory, tables or scratch files that the limits refused.
    pub refused_growths: u64,
    /// Calls from the guest to the host.
    pub host_calls: u64,
    /// Log lines kept.
    pub log_lines: u64,
    /// Log bytes kept.
    pub log_bytes: u64,
    /// Log lines dropped, and log lines cut short.
    pub log_dropped: u64,
    /// JSON bytes of the result and the emitted chunks.
    pub output_bytes: u64,
    /// What it used of each capability.
    pub capabilities: CapabilityUsage,
}

/// A line that the guest logged or printed. Guest text is data, never a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// Severity; `info` for stdout, `warn` for stderr.
    pub level: Level,
    /// Origin of the line.
    pub source: Source,
    /// The text, at most 4 KiB. It can contain any character, so escape it before you show it.
    pub message: String,
}

/// Severity of a log line, as in `ringfence:skill/log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// Origin of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `ringfence:skill/log`.
    Log,
    /// WASI stdout.
    Stdout,
    /// WASI stderr.
    Stderr,
}

/// Valid JSON text that Ringfence wrote, with every digit of its numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(pub(crate) Box<str>);

impl Json {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the text. Nothing is lost, because numbers beyond ±(2^53−1) are strings.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<serde_json::Value> for Json {
    fn eq(&self, other: &serde_json::Value) -> bool {
        &self.to_value() == other
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Identifies a run by 128 random bits, which reveal nothing about other runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId {
    high: u64,
    low: u64,
}

thread_local! {
    /// Asking the system for each run would take a tenth of a small one.
    static IDS: RefCell<Option<ChaCha20Rng>> = const { RefCell::new(None) };
}

impl RunId {
    /// `process` is random as well, and stands in where the system gives no randomness now.
    pub(crate) fn next(process: u64) -> Self {
        IDS.with_borrow_mut(|ids| {
            let ids = ids.get_or_insert_with(|| {
                let mut seed = [0; 32];
                if getrandom::fill(&mut seed).is_err() {
                    let place: *const [u8; 32] = &raw const seed;
                    for (to, from) in seed
                        .iter_mut()
                        .zip(process.to_le_bytes().into_iter().chain(place.addr().to_le_bytes()))
                    {
                        *to = from;
                    }
                }
                ChaCha20Rng::from_seed(seed)
            });
            Self { high: ids.next_u64() ^ process, low: ids.next_u64() }
        })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.high, self.low)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: Serialize> Serialize for Report<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("run", &self.run)?;
        map.serialize_entry("skill", &self.skill)?;
        map.serialize_entry("tool", &*self.tool)?;
        map.serialize_entry("outcome", self.outcome.name())?;
        match &self.outcome {
            Outcome::Completed(value) => map.serialize_entry("value", value)?,
            Outcome::Failed(failure) => map.serialize_entry("failure", failure)?,
            Outcome::Trapped(trap) => map.serialize_entry("trap", trap)?,
            Outcome::OutOfFuel
            | Outcome::DeadlineExceeded
            | Outcome::MemoryLimit
            | Outcome::OutputLimit
            | Outcome::HostCallLimit
            | Outcome::Cancelled
            | Outcome::HostOverloaded => {}
        }
        map.serialize_entry("usage", &self.usage)?;
        map.serialize_entry("limits", &self.limits)?;
        map.serialize_entry("log", &self.log)?;
        if !self.denied.is_empty() {
            map.serialize_entry("denied", &self.denied)?;
        }
        if !self.files.is_empty() {
            map.serialize_entry("files", &self.files)?;
        }
        map.end()
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut s = serializer.serialize_struct("Usage", 12)?;
        s.serialize_field("fuel", &self.fuel)?;
        s.serialize_field("wall_us", &micros(self.wall))?;
        s.serialize_field("busy_us", &micros(self.busy))?;
        s.serialize_field("peak_memory", &self.peak_memory)?;
        s.serialize_field("peak_table_elements", &self.peak_table_elements)?;
        s.serialize_field("refused_growths", &self.refused_growths)?;
        s.serialize_field("host_calls", &self.host_calls)?;
        s.serialize_field("log_lines", &self.log_lines)?;
        s.serialize_field("log_bytes", &self.log_bytes)?;
        s.serialize_field("log_dropped", &self.log_dropped)?;
        s.serialize_field("output_bytes", &self.output_bytes)?;
        match self.capabilities.is_empty() {
            true => s.skip_field("capabilities")?,
            false => s.serialize_field("capabilities", &self.capabilities)?,
        }
        s.end()
    }
}
