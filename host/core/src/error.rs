//! What is not a run: one error type a stage, each naming the thing, whose fault it is, and a stable code.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use serde::Serialize;
use thiserror::Error;

use crate::report::Digest;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The author of the skill: the component must change.
    Author,
    /// The caller: the call must change.
    Caller,
    /// Nobody: the host is busy, the same call may pass later.
    Load,
    /// The host, its configuration, or a function lent by the embedder.
    Host,
}

impl Fault {
    /// The code with which a program ends whose call was no run. Every program of Ringfence goes by it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Author => 3,
            Self::Caller => 4,
            Self::Host => 5,
            Self::Load => 6,
        }
    }
}

/// The host could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine refused its configuration, or could not reserve its pool.
    #[error("the engine could not be built: {0}; fewer runs at once need less address space")]
    Engine(String),
    /// An interface is lent under a name that is taken or not a WIT interface name.
    #[error("interface `{name}` cannot be lent: {reason}")]
    Lend {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value of the configuration is out of its range.
    #[error("`{name}` is {value}; it must be between {min} and {max}")]
    Config {
        /// The field of [`crate::HostConfig`].
        name: &'static str,
        /// The value given.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
}

/// A skill was not loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The component was refused; every reason that was found is listed.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
    /// The compiler failed on a component that passed validation.
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    /// The artifact does not fit this engine.
    #[error("the artifact does not fit this engine: {0}; compile the skill again")]
    Artifact(String),
}

impl LoadError {
    /// The stable code of this error: that of the first reason for a refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(reasons) => reasons.first().map_or("refused", Refusal::code),
            Self::Compile(_) => "compile-failed",
            Self::Artifact(_) => "artifact-mismatch",
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) | Self::Compile(_) => Fault::Author,
            Self::Artifact(_) => Fault::Host,
        }
    }
}

fn list(reasons: &[Refusal]) -> String {
    let texts: Vec<String> = reasons.iter().map(Refusal::to_string).collect();
    texts.join("\n")
}

/// A reason for which a component is not a skill. The wording may change, the code may not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes do not begin as WebAssembly does.
    #[error("not WebAssembly: the file does not begin with `\\0asm`{hint}")]
    NotWasm {
        /// What the bytes look like instead, or nothing.
        hint: &'static str,
    },
    /// A core module, not a component.
    #[error(
        "a core module, not a component: turn it into one with `wasm-tools component new module.wasm \
         -o skill.wasm` (add `--adapt wasi_snapshot_preview1.reactor.wasm` for a `wasm32-wasip1` \
         module), or link with `wasm-component-ld`"
    )]
    CoreModule,
    /// Truncated, malformed or invalid.
    #[error("malformed at byte {offset}: {message}")]
    Malformed {
        /// Where, in bytes from the start.
        offset: u64,
        /// The validator's words.
        message: String,
    },
    /// A proposal that Ringfence keeps off.
    #[error(
        "uses the WebAssembly feature `{feature}`, which is off here (first use at byte {offset}: {message})"
    )]
    FeatureOff {
        /// The proposal's name.
        feature: &'static str,
        /// Where it is first used, in bytes from the start.
        offset: u64,
        /// The validator's words.
        message: String,
    },
    /// An import that is not offered.
    #[error("imports `{import}`, which is not offered here{}{}", nearest_of(.nearest), hint(.import))]
    ImportNotOffered {
        /// The import, `interface` or `interface#function`.
        import: String,
        /// The offered name of which it is most likely a slip, if there is one.
        nearest: Option<String>,
    },
    /// An import is offered under that name, with other types.
    #[error("imports `{import}` with types that do not fit what is offered: {message}")]
    ImportMismatch {
        /// The import.
        import: String,
        /// The engine's words.
        message: String,
    },
    /// A tool whose signature holds something that no JSON value can stand for.
    #[error(
        "the exported function `{function}` has a {kind} in its signature ({place}); tools take and give plain values"
    )]
    Signature {
        /// The export, `interface#function` or `function`.
        function: String,
        /// `resource`, `stream`, `future`, `error-context`, `map`, `fixed-length list` or `async lift`.
        kind: &'static str,
        /// `parameter x` or `result`.
        place: String,
    },
    /// A function is exported under a name that no tool can have.
    #[error(
        "the exported function `{name}` is called as an interface is: a tool's name has letters, digits and hyphens only"
    )]
    ToolName {
        /// The name.
        name: String,
    },
    /// No exported function that could be a tool.
    #[error("exports no function: there is nothing to call{hint}")]
    NothingExported {
        /// What may be the cause.
        hint: &'static str,
    },
    /// Two exports come to the same tool name.
    #[error("two exported functions come to the tool name `{name}`: `{first}` and `{second}`")]
    NameCollision {
        /// The name that both have.
        name: String,
        /// The first export.
        first: String,
        /// The second export.
        second: String,
    },
    /// A tool's name is longer than protocols allow.
    #[error("the tool name `{name}` has {length} characters; the cap is {cap}")]
    NameTooLong {
        /// The beginning of the name.
        name: String,
        /// Its length in characters.
        length: usize,
        /// The cap.
        cap: usize,
    },
    /// Over a cap of [`crate::SkillCaps`].
    #[error("has {value} {what}; the cap is {cap}")]
    OverCap {
        /// What was counted, with its unit.
        what: &'static str,
        /// The count; for sums that overflow, the largest number.
        value: u64,
        /// The cap.
        cap: u64,
    },
    /// Compiled, it does not fit a run of this host.
    #[error("does not fit: {message}")]
    TooLarge {
        /// The engine's words, with both numbers.
        message: String,
    },
    /// More reasons than are told one by one.
    #[error("and {count} more reasons")]
    More {
        /// How many.
        count: u64,
    },
    /// The `ringfence:skill` section is there and wrong.
    #[error("the `ringfence:skill` section is wrong: {reason}")]
    Metadata {
        /// What is wrong with it.
        reason: String,
    },
}

impl Refusal {
    /// The stable code, in kebab-case.
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
    #[error("skill {skill} has no tool `{tool}`; it has: {known}")]
    NoSuchTool {
        /// The skill.
        skill: Digest,
        /// The name asked for.
        tool: String,
        /// The names there are.
        known: String,
    },
    /// The input does not fit the tool's parameters.
    #[error("input does not fit{}: {message}", at(.pointer))]
    Input {
        /// JSON pointer (RFC 6901) of the offending value; empty for the whole input.
        pointer: String,
        /// What is wrong and what would fit.
        message: String,
    },
    /// The input is larger than its limit.
    #[error("input of {size} bytes; the limit is {limit}: send less, or raise the limit")]
    InputTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A limit is zero or cannot be enforced.
    #[error("the limit `{name}` is {value}; it must be between {min} and {max}")]
    Limits {
        /// The field of [`crate::Limits`].
        name: &'static str,
        /// The value given.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// The run needs more than this host has in all: waiting does not help.
    #[error(
        "the run may need {wanted} {what}, and this host has {size} in all: lower the run's limits on output \
         and input, or give the host more"
    )]
    TooLarge {
        /// What is too little.
        what: &'static str,
        /// How much the run may need of it.
        wanted: u64,
        /// How much there is in all.
        size: u64,
    },
    /// The host has no room for the run now.
    #[error("the host is full: {what} ({wanted} wanted, {free} free); try again later")]
    Overloaded {
        /// What ran out.
        what: &'static str,
        /// How much the run needs of it.
        wanted: u64,
        /// How much there is.
        free: u64,
    },
    /// The skill was loaded by another host.
    #[error("skill {skill} was loaded by another host: load it with this one")]
    ForeignSkill {
        /// The skill.
        skill: Digest,
    },
    /// The embedder revoked the skill: it never runs again.
    #[error("{skill} is revoked and never runs again{}", because(.reason))]
    Revoked {
        /// The skill.
        skill: Digest,
        /// Why, as far as that was said.
        reason: Option<String>,
    },
    /// A function that the embedder lent failed; the guest never saw it.
    #[error("the lent function `{function}` failed: {message}")]
    Lent {
        /// `interface#function`.
        function: String,
        /// The embedder's words.
        message: String,
    },
    /// The host is at fault.
    #[error("host fault: {0}")]
    Host(String),
}

impl RunError {
    /// The stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchTool { .. } => "no-such-tool",
            Self::Input { .. } => "input-mismatch",
            Self::InputTooLarge { .. } => "input-too-large",
            Self::Limits { .. } => "bad-limit",
            Self::TooLarge { .. } => "too-large-for-host",
            Self::Overloaded { .. } => "overloaded",
            Self::ForeignSkill { .. } => "foreign-skill",
            Self::Revoked { .. } => "revoked",
            Self::Lent { .. } => "lent-function-failed",
            Self::Host(_) => "host-fault",
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoSuchTool { .. }
            | Self::Input { .. }
            | Self::InputTooLarge { .. }
            | Self::TooLarge { .. }
            | Self::Limits { .. } => Fault::Caller,
            Self::Overloaded { .. } => Fault::Load,
            Self::Revoked { .. } => Fault::Author,
            Self::ForeignSkill { .. } | Self::Lent { .. } | Self::Host(_) => Fault::Host,
        }
    }

    /// JSON pointer of the value that does not fit, where that is the error.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Input { pointer, .. } => Some(pointer),
            Self::NoSuchTool { .. }
            | Self::InputTooLarge { .. }
            | Self::TooLarge { .. }
            | Self::Limits { .. }
            | Self::Overloaded { .. }
            | Self::ForeignSkill { .. }
            | Self::Revoked { .. }
            | Self::Lent { .. }
            | Self::Host(_) => None,
        }
    }
}

fn nearest_of(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; the nearest that is: `{nearest}`"))
}

fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:") || import.starts_with("ringfence:") {
        ""
    } else {
        "; interfaces of your own are lent from Rust, with `HostBuilder::lend`"
    }
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}
