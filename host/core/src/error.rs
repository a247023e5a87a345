//! Errors before a run, one type for each stage. Each names its subject, whose fault it is, and a stable code.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use serde::Serialize;
use thiserror::Error;

use crate::digest::Digest;
use crate::limits::LimitError;

/// The party that must change something after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// The author of the skill: the component must change.
    Author,
    /// The caller: the call must change.
    Caller,
    /// No party: the host is at capacity, and the same call can succeed later.
    Load,
    /// The host, its configuration, or a function of the embedder's host interfaces.
    Host,
}

impl Fault {
    /// Returns the exit code of a program whose call was refused. Every program of Ringfence uses it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Author => 3,
            Self::Caller => 4,
            Self::Host => 5,
            Self::Load => 6,
        }
    }
}

/// The error behind one of ours. Its type is an implementation detail; the chain of sources is for a log.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Returns the texts of an error and of its sources, from the outside in.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The host could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine refused its configuration, or could not reserve its pool.
    #[error("cannot build the engine: {reason}; fewer concurrent runs need less address space")]
    Engine {
        /// What the engine says.
        reason: String,
        /// The engine's error, if it has one.
        source: Option<Cause>,
    },
    /// A host interface of the embedder has a name that is taken, or that is not a WIT interface name.
    #[error("invalid host interface `{name}`: {reason}")]
    Interface {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
        /// The engine's error, if it has one.
        source: Option<Cause>,
    },
    /// A value of the configuration is out of its range.
    #[error("invalid `{name}`: {value}; it must be between {min} and {max}")]
    Config {
        /// The field of [`crate::HostConfig`].
        name: &'static str,
        /// The value.
        value: u64,
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
}

impl HostError {
    /// Converts an error of the engine.
    pub(crate) fn engine(error: impl Into<Cause>) -> Self {
        let source = error.into();
        Self::Engine { reason: words(&*source), source: Some(source) }
    }
}

/// A skill was not loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Validation refused the component, for the listed reasons.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
    /// The compiler failed on a valid component.
    #[error("cannot compile the component: {reason}")]
    Compile {
        /// What the compiler says.
        reason: String,
        /// The compiler's error, if it is of this process.
        source: Option<Cause>,
    },
    /// The artifact does not match this engine.
    #[error("the compiled code does not match this engine: {reason}; compile the skill again")]
    Artifact {
        /// What does not match.
        reason: String,
        /// The engine's error, if it has one.
        source: Option<Cause>,
    },
    /// The artifact was compiled from another skill.
    #[error(
        "cannot link the artifact to skill {skill}: it was compiled from {compiled_from}; link the artifact that was \
         compiled from this skill"
    )]
    ForeignArtifact {
        /// The skill to link.
        skill: Digest,
        /// The skill from which the artifact was compiled.
        compiled_from: Digest,
    },
    /// The system forbids this process to make memory executable, for example by systemd's `MemoryDenyWriteExecute`. The
    /// skill may be fine.
    #[error(
        "cannot make memory executable: {reason}; allow this process to do so, or interpret code for the target pulley64"
    )]
    NotExecutable {
        /// What the system says.
        reason: String,
        /// The engine's error.
        source: Option<Cause>,
    },
}

impl LoadError {
    /// Returns the error for code that does not match the engine.
    pub(crate) fn artifact(reason: impl Into<String>) -> Self {
        Self::Artifact { reason: reason.into(), source: None }
    }

    /// Returns the stable code; for a refusal, the code of its first reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(reasons) => reasons.first().map_or("refused", Refusal::code),
            Self::Compile { .. } => "compile-failed",
            Self::Artifact { .. } => "artifact-mismatch",
            Self::ForeignArtifact { .. } => "foreign-artifact",
            Self::NotExecutable { .. } => "code-not-executable",
        }
    }

    /// Returns whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) | Self::Compile { .. } => Fault::Author,
            Self::Artifact { .. } | Self::ForeignArtifact { .. } | Self::NotExecutable { .. } => Fault::Host,
        }
    }
}

fn list(reasons: &[Refusal]) -> String {
    let texts: Vec<String> = reasons.iter().map(Refusal::to_string).collect();
    texts.join("\n")
}

/// A reason why a component is not a skill. Its text can change; its code does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes do not begin like WebAssembly.
    #[error("not WebAssembly: the file does not start with `\\0asm`{hint}")]
    NotWasm {
        /// The likely format instead, or nothing.
        hint: &'static str,
    },
    /// The bytes are a core module, not a component.
    #[error(
        "a core module, not a component; convert it with `wasm-tools component new module.wasm \
         -o skill.wasm` (add `--adapt wasi_snapshot_preview1.reactor.wasm` for a `wasm32-wasip1` \
         module), or link with `wasm-component-ld`"
    )]
    CoreModule,
    /// The bytes are truncated, malformed or invalid.
    #[error("malformed component at byte {offset}: {message}")]
    Malformed {
        /// Where, in bytes from the start.
        offset: u64,
        /// The validator's words.
        message: String,
    },
    /// The component uses a proposal that Ringfence switches off.
    #[error(
        "uses the disabled WebAssembly feature `{feature}` (first use at byte {offset}: {message}); build without it"
    )]
    FeatureOff {
        /// The proposal's name.
        feature: &'static str,
        /// Where it is first used, in bytes from the start.
        offset: u64,
        /// The validator's words.
        message: String,
    },
    /// The host does not offer an import.
    #[error("imports `{import}`, which this host does not provide{}{}", nearest_of(.nearest), hint(.import))]
    ImportNotOffered {
        /// The import, `interface` or `interface#function`.
        import: String,
        /// The offered name that the author probably meant, if any.
        nearest: Option<String>,
    },
    /// The host offers an import with other types.
    #[error("imports `{import}` with other types than this host provides: {message}")]
    ImportMismatch {
        /// The import.
        import: String,
        /// The engine's words.
        message: String,
    },
    /// A tool's signature contains a type without a JSON form.
    #[error(
        "the signature of the exported function `{function}` contains a {kind} ({place}); tools accept and return plain \
         values only"
    )]
    Signature {
        /// The export, `interface#function` or `function`.
        function: String,
        /// `resource`, `stream`, `future`, `error-context`, `map`, `fixed-length list` or `async lift`.
        kind: &'static str,
        /// `parameter x` or `result`.
        place: String,
    },
    /// The name of an exported function cannot be the name of a tool.
    #[error(
        "the exported function `{name}` has the name of an interface; tool names contain only letters, digits and hyphens"
    )]
    ToolName {
        /// The name.
        name: String,
    },
    /// The component exports no function that could be a tool.
    #[error("exports no function, so there is nothing to call{hint}")]
    NothingExported {
        /// The likely cause.
        hint: &'static str,
    },
    /// Two exports have the same tool name.
    #[error("two exported functions share the tool name `{name}`: `{first}` and `{second}`; rename one")]
    NameCollision {
        /// The name that both have.
        name: String,
        /// The first export.
        first: String,
        /// The second export.
        second: String,
    },
    /// A tool's name is longer than protocols allow.
    #[error("the tool name `{name}` is too long: {length} characters; the cap is {cap}")]
    NameTooLong {
        /// The beginning of the name.
        name: String,
        /// Its length in characters.
        length: usize,
        /// The cap.
        cap: usize,
    },
    /// The component exceeds a cap of [`crate::SkillCaps`].
    #[error("too large: {value} {what}; the cap is {cap}")]
    OverCap {
        /// What was counted, with its unit.
        what: &'static str,
        /// The count; for sums that overflow, the largest number.
        value: u64,
        /// The cap.
        cap: u64,
    },
    /// The compiled component is too large for a run of this host.
    #[error("too large for a run: {message}")]
    TooLarge {
        /// The engine's words, with both numbers.
        message: String,
    },
    /// More reasons than the error lists.
    #[error("and {count} more reasons")]
    More {
        /// How many.
        count: u64,
    },
    /// The `ringfence:skill` section is wrong.
    #[error("invalid `ringfence:skill` section: {reason}")]
    Metadata {
        /// What is wrong with it.
        reason: String,
    },
}

impl Refusal {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWasm { .. } => "not-wasm",
            Self::CoreModule => "core-module",
            Self::Malformed { .. } => "malformed",
            Self::FeatureOff { .. } => "feature-off",
            Self::ImportNotOffered { .. } => "import-not-offered",
            Self::ImportMismatch { .. } => "import-mismatch",
            Self::Signature { .. } => "unsupported-signature",
            Self::ToolName { .. } => "bad-tool-name",
            Self::NothingExported { .. } => "nothing-exported",
            Self::NameCollision { .. } => "name-collision",
            Self::NameTooLong { .. } => "name-too-long",
            Self::OverCap { .. } => "over-cap",
            Self::TooLarge { .. } => "over-cap",
            Self::More { .. } => "more",
            Self::Metadata { .. } => "bad-metadata",
        }
    }
}

/// No run took place, or the host failed during one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The skill has no tool of that name.
    #[error("skill {skill} has no tool `{tool}`; its tools are: {known}")]
    NoSuchTool {
        /// The skill.
        skill: Digest,
        /// The requested name.
        tool: String,
        /// The existing names.
        known: String,
    },
    /// The input does not match the parameters of the tool.
    #[error("invalid input{}: {message}", at(.pointer))]
    Input {
        /// JSON pointer (RFC 6901) of the invalid value; empty for the whole input.
        pointer: String,
        /// What is wrong, and what would fit.
        message: String,
    },
    /// The input is larger than its limit.
    #[error(
        "the input is too large: {size} bytes; the limit is {limit}; send less, or raise the input limit"
    )]
    InputTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file that the call brings in or wants back is refused.
    #[error("the file `{path}` is refused: {message}")]
    File {
        /// The path.
        path: String,
        /// The reason, and what to do.
        message: String,
    },
    /// A limit is zero, or the host cannot enforce it.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The run needs more than the whole host has, so waiting does not help.
    #[error(
        "the run can need {wanted} {what}, and the limit is {size}; lower the run's limits on input and output, or raise \
         that limit"
    )]
    TooLarge {
        /// The resource.
        what: &'static str,
        /// The amount that the run can need.
        wanted: u64,
        /// The host's total.
        size: u64,
    },
    /// The host is at capacity.
    #[error("the host is at capacity: {wanted} {what} needed, {free} free; try again later")]
    Overloaded {
        /// The resource that ran out.
        what: &'static str,
        /// The amount that the run needs.
        wanted: u64,
        /// The free amount.
        free: u64,
    },
    /// The skill was loaded by another host.
    #[error("skill {skill} was loaded by another host; load it with this host")]
    ForeignSkill {
        /// The skill.
        skill: Digest,
    },
    /// The embedder revoked the skill: it never runs again.
    #[error("skill {skill} is revoked and never runs again{}", because(.reason))]
    Revoked {
        /// The skill.
        skill: Digest,
        /// The reason, if the embedder recorded one.
        reason: Option<String>,
    },
    /// A function of the embedder's host interfaces failed. The guest does not see the error.
    #[error("the host function `{function}` failed: {source}")]
    HostFunction {
        /// `interface#function`.
        function: String,
        /// The embedder's error.
        source: Cause,
    },
    /// The host is at fault.
    #[error("host fault: {reason}")]
    Host {
        /// What failed, with the text of its source.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
}

impl RunError {
    /// Returns a fault of the host, for a reason.
    pub fn host(reason: impl Into<String>) -> Self {
        Self::Host { reason: reason.into(), source: None }
    }

    /// Returns a fault of the host: `action`, such as "cannot start a thread", failed because of `source`.
    pub fn host_because(action: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self::Host { reason: format!("{action}: {}", words(&*source)), source: Some(source) }
    }

    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchTool { .. } => "no-such-tool",
            Self::Input { .. } => "input-mismatch",
            Self::InputTooLarge { .. } => "input-too-large",
            Self::File { .. } => "invalid-file",
            Self::Limits { .. } => "bad-limit",
            Self::TooLarge { .. } => "too-large-for-host",
            Self::Overloaded { .. } => "overloaded",
            Self::ForeignSkill { .. } => "foreign-skill",
            Self::Revoked { .. } => "revoked",
            Self::HostFunction { .. } => "host-function-failed",
            Self::Host { .. } => "host-fault",
        }
    }

    /// Returns whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoSuchTool { .. }
            | Self::Input { .. }
            | Self::InputTooLarge { .. }
            | Self::File { .. }
            | Self::TooLarge { .. }
            | Self::Limits { .. } => Fault::Caller,
            Self::Overloaded { .. } => Fault::Load,
            Self::Revoked { .. } => Fault::Author,
            Self::ForeignSkill { .. } | Self::HostFunction { .. } | Self::Host { .. } => Fault::Host,
        }
    }

    /// Returns the JSON pointer of the value that does not fit, for [`RunError::Input`].
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Input { pointer, .. } => Some(pointer),
            Self::NoSuchTool { .. }
            | Self::InputTooLarge { .. }
            | Self::File { .. }
            | Self::TooLarge { .. }
            | Self::Limits { .. }
            | Self::Overloaded { .. }
            | Self::ForeignSkill { .. }
            | Self::Revoked { .. }
            | Self::HostFunction { .. }
            | Self::Host { .. } => None,
        }
    }
}

fn nearest_of(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; the closest match is `{nearest}`"))
}

fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:") || import.starts_with("ringfence:") {
        ""
    } else {
        "; an embedder can provide its own interfaces with `HostBuilder::provide`"
    }
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}
