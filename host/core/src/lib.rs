//! Runs untrusted agent skills: WebAssembly components, each call in a fresh instance, under hard limits,
//! without access to the host's files.
//!
//! A *skill* is a component. Every function that it exports is a *tool*. A *run* is one call of one tool, in
//! an instance of its own, under [`Limits`] on fuel, wall time, memory, tables, output, log and host calls. A
//! run returns a [`Report`] with its [`Outcome`] and its [`Usage`].
//!
//! ```
//! use ringfence::{Host, HostConfig, Limits, Outcome};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let text_stats = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/guests/text-stats.wasm"))?;
//! let host = Host::new(HostConfig::default())?; // one engine
//! let skill = host.load(text_stats)?; // validate, compile, link
//!
//! let input = json!({"text": "Fences make good neighbours. Ringfences make better ones.", "top": 1});
//! let report = host.run(&skill, "analyze", input, &Limits::default()).await?;
//!
//! match report.outcome {
//!     Outcome::Completed(value) => assert_eq!(value.to_value()["sentences"], 2),
//!     Outcome::Failed(error) => println!("the tool says no: {error}"),
//!     Outcome::OutOfFuel => println!("more than {} units of work", report.limits.fuel),
//!     other => println!("ended: {}", other.name()),
//! }
//! assert!(report.usage.peak_memory <= report.limits.memory);
//! # Ok(())
//! # }
//! ```
//!
//! An `Err` means that no run took place. [`RunError::fault`] returns who caused it: author, caller or host.
//!
//! # Ways to call
//!
//! | call with | function |
//! |---|---|
//! | JSON, for a report | [`Host::run`] |
//! | a seed, a clock, a [`CancellationToken`] and other options | [`Host::call`], then one of the next four |
//! | JSON | [`Call::json`] |
//! | component values | [`Call::values`] |
//! | Rust types | [`Call::typed`] |
//! | a stream of [`Event`]s | [`Call::start`] |
//! | JSON, on a thread without a tokio runtime | [`Host::run_blocking`] |
//!
//! Dropping a run's future stops the run at its next yield, and frees its instance.
//!
//! # Where skills are compiled
//!
//! [`Host::load`] compiles in this process. Use it for components that you trust not to keep the compiler
//! busy. For others, [`Host::validate`] checks the bytes, and the crate `ringfence-compile` compiles them in a
//! limited child process. [`Host::link`] then makes a skill.
//!
//! # What skills can reach
//!
//! - their own memory
//! - the interfaces `log`, `progress` and `budget` of `ringfence:skill`, in the versions 0.1.0 and 0.2.0
//! - its interfaces `http`, `kv`, `config` and `secrets`, as far as [`Call::grant`] grants them; `tools` (in 0.1.0:
//!   `skills`) returns `denied`
//! - WASI 0.2: HTTP under the same grant as `http`, and files in the memory of the run as far as [`Granted::scratch`]
//!   grants them; no sockets, no environment; stdout and stderr go to the log
//! - host interfaces of the embedder ([`HostBuilder::provide`])
//!
//! The host refuses any other import at load, by name.
//!
//! # JSON
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, `char` | boolean, string, string of one character |
//! | `u8`…`u32`, `s8`…`s32` | integer; `1.0` is accepted too |
//! | `u64`, `s64` | integer within ±(2^53 − 1), else a decimal string; both are accepted |
//! | `f32`, `f64` | number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `list<u8>` | base64 string, standard alphabet, padded |
//! | `list`, `tuple` | array |
//! | `record` | object; `option` members can be absent, unknown and duplicate members are refused |
//! | `variant` | `"case"`, or `{"case": value}` where the case has a value |
//! | `enum`, `flags` | string, array of strings |
//! | `option` | `null` or the value; `{"some": value}` if the value itself can be `null` |
//! | `result` | `{"ok": value}` or `{"error": value}`, `null` where there is no value |
//!
//! The input of a call is an object with one member per parameter. If a tool returns a `result`, `ok` is its
//! value ([`Outcome::Completed`]) and `err` its own error ([`Outcome::Failed`]). The host refuses invalid input
//! with the JSON pointer of the invalid value. [`Tool::parameters_schema`] and [`Tool::result_schema`] return
//! JSON Schemas (2020-12) of these values.
//!
//! Some clients do not support all of JSON Schema. [`Tool::parameters_schema_as`] returns schemas in other styles
//! ([`SchemaStyle`]). In every style the host accepts two more spellings:
//!
//! - **Underscores.** The name of a member can have `_` for `-`: `max_len` for `max-len`. A name of more than 64
//!   characters can be its first 47, `_`, and 16 digits of its SHA-256. The host refuses an input with both spellings
//!   of one name. Strings (cases without a value, enums, flags) have the spelling of the WIT, and so do results.
//! - **Nulls.** A variant or `result` can be an object with several cases if all but one are `null`. If the remaining
//!   case has no value, write `true`: `{"card": null, "in_cash": true}` for `"in-cash"`.
//!
//! # Features
//!
//! | feature | default | effect |
//! |---|---|---|
//! | `compiler` | on | compiles in this process; without it the library only loads artifacts |
//! | `pool` | on | [`HostConfig::pooled`], for services |
//! | `cross` | off | compiles for [`Target::Aarch64`] on other processors |
//! | `pulley` | off | runs code for [`Target::Pulley64`] |

mod admit;
mod artifact;
mod call;
mod call_files;
mod capability;
mod compat;
#[cfg(feature = "compiler")]
mod compile;
mod description;
mod digest;
mod engine;
mod error;
mod event;
mod grants;
mod host;
mod json;
mod limiter;
mod limits;
mod portable;
mod principal;
mod report;
mod run;
mod schedule;
mod schema;
mod scratch;
mod skill;
mod spelling;
mod state;
mod style;
mod target;
pub mod text;
mod thread;
mod tool_json;
mod types;
mod usage;
mod validate;
mod version;
mod wasi;

pub use artifact::Artifact;
pub use call::{Call, Input, Running};
pub use capability::{HostCall, HostCallError, HostInterface, Transfer};
pub use compat::BreakingChange;
#[cfg(feature = "compiler")]
pub use compile::{compile, compile_bytes, compile_for};
pub use description::{Access, Import, Manifest};
pub use digest::{Digest, ParseDigestError};
#[cfg(feature = "pool")]
pub use engine::pagemap_scan;
pub use engine::{Allocator, WASM_STACK};
pub use error::{Fault, HostError, LoadError, Refusal, RunError};
pub use event::Event;
pub use grants::{
    Capability, CapabilityUsage, Denial, DenialKind, Expected, Granted, Http, HttpBody, HttpError,
    HttpFailure, HttpHead, HttpLimit, HttpRequest, HttpRequestBody, HttpResponse, Kv, KvEntry, KvError,
    KvPage, Redirects, Spent, Wait,
};
pub use host::{Host, HostBuilder, HostConfig, Offered};
pub use limits::{
    HOST_CALL_BYTES, HOST_CALL_FUEL, InvalidValue, LIMITS, LOG_LINE_BYTES, LimitError, LimitInfo, LimitName,
    LimitOverrides, LimitUnit, Limits, LowerError, SkillCaps, TRANSFER_FUEL, UnknownLimit,
};
pub use principal::Principal;
pub use report::{Json, Level, LogLine, Outcome, Ran, Report, RunId, Source, TrapReport, Usage};
pub use scratch::{ReturnedFile, ScratchCaps};
pub use skill::{Skill, SkillDescription, Tool};
pub use style::{SchemaStyle, UnknownStyle};
pub use target::{Backend, Target, UnknownTarget};
pub use tool_json::{ShownTool, ToolDetail};
pub use validate::{Submission, ValidatedSkill};
pub use version::WASMTIME_VERSION;
pub use wasi::Clock;

pub use ringfence_section::{Annotations, Asks, Example};
pub use tokio_util::sync::CancellationToken;
/// The engine of this library: its component values for [`Call::values`], its traits for [`Call::typed`], and `derive`s
/// on the Rust types of your own host interfaces. All of its types that this library shows are here.
///
/// Write `use ringfence::wasmtime;` and then `#[derive(wasmtime::component::ComponentType, …)]`. You need no
/// other part of it, and no part of it reaches a host.
pub use wasmtime;

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
