//! Run untrusted agent skills: WebAssembly components, each call in a fresh instance, under hard limits,
//! without a filesystem.
//!
//! A *skill* is a component. Every function that it exports is a *tool*. A *run* is one call of one tool,
//! in its own store and instance, under [`Limits`]: fuel, wall time, memory, tables, output, log, host
//! calls. It comes back as a [`Report`], which says how it ended ([`Outcome`]) and what it cost
//! ([`Usage`]).
//!
//! ```
//! use ringfence::{Host, HostConfig, Limits, Outcome};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let text_stats = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../skills/text-stats.wasm"))?;
//! let host = Host::new(HostConfig::default())?; // one engine, pooled
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
//! `Err` means that no run took place, and says whose fault it is ([`RunError::fault`]).
//!
//! # Ways to call
//!
//! [`Host::run`] is JSON in, report out. [`Host::call`] prepares a call with a seed, a clock, a
//! [`CancellationToken`], and then takes JSON ([`Call::json`]), component values ([`Call::values`]), Rust
//! types ([`Call::typed`]), or hands out a stream of [`Event`]s ([`Call::start`]).
//! [`Host::run_blocking`] is for threads without a tokio runtime. Dropping a run's future stops it and
//! frees its instance at once.
//!
//! # Where skills are compiled
//!
//! [`Host::load`] compiles in this process: for components that are trusted not to keep the compiler busy.
//! For others, [`Host::validate`] checks the bytes, the crate `ringfence-compile` compiles them in a
//! limited child process, and [`Host::link`] makes a skill of both.
//!
//! # What skills can reach
//!
//! Their own memory; the interfaces `log`, `progress` and `budget` of `ringfence:skill@0.1.0`; an empty
//! WASI 0.2 (no files, no sockets, no environment; stdout and stderr go to the log); and what the embedder
//! lends ([`HostBuilder::lend`]). The interfaces `http`, `kv` and `skills` answer `denied`. Any other import
//! is refused at load, by name.
//!
//! # JSON
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, `char` | boolean, string, string of one character |
//! | `u8`…`u32`, `s8`…`s32` | integer; `1.0` is taken too |
//! | `u64`, `s64` | integer within ±(2^53 − 1), else a decimal string; both are taken |
//! | `f32`, `f64` | number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `list<u8>` | base64 string, standard alphabet, padded |
//! | `list`, `tuple` | array |
//! | `record` | object; `option` members may be absent, unknown and duplicate ones are refused |
//! | `variant` | `"case"`, or `{"case": value}` where the case has a value |
//! | `enum`, `flags` | string, array of strings |
//! | `option` | `null` or the value; of something nullable: `{"some": value}` |
//! | `result` | `{"ok": value}` or `{"error": value}`, `null` where there is no value |
//!
//! The input of a call is an object with a member for each parameter. A top-level `result` is the tool's
//! own success ([`Outcome::Completed`]) or failure ([`Outcome::Failed`]). What does not fit is refused with
//! the JSON pointer of the offending value. [`Tool::parameters_schema`] and [`Tool::result_schema`] are
//! the same as JSON Schema 2020-12.
//!
//! Some clients cannot use all of that, so [`Tool::parameters_schema_as`] describes inputs in other styles
//! ([`SchemaStyle`]), and the host reads two more spellings, whatever style a caller was shown:
//!
//! - A parameter, a field of a record or a case of a variant may be written with `_` for `-`: `max_len` for `max-len`.
//!   Of a name of more than 64 characters the second spelling has the first 47, `_`, and 16 digits of its SHA-256. An
//!   input with both spellings of one name is refused. Results always have the names of the WIT, and values (cases
//!   without a value, enums, flags) have one spelling.
//! - A variant or `result` may be written as an object with several cases, of which all but one are `null`. A case
//!   without a value is then `true` where it is meant: `{"card": null, "in_cash": true}` for `"in-cash"`.
//!
//! # Features
//!
//! `compiler` (on by default): compile in this process. Without it the library loads artifacts only. `pool` (on by
//! default): [`Allocator::Pooling`]. `cross`: compile
//! for [`Target::Aarch64`] on another processor as well. `pulley`: run code of [`Target::Pulley64`].

mod admit;
mod artifact;
mod call;
mod capability;
mod compat;
#[cfg(feature = "compiler")]
mod compile;
mod engine;
mod error;
mod event;
mod faults;
mod host;
mod json;
mod limiter;
mod limits;
mod lower;
mod portable;
mod principal;
mod report;
mod run;
mod schedule;
mod schema;
mod skill;
mod state;
mod style;
mod target;
pub mod text;
mod types;
mod validate;
mod wasi;

pub use artifact::Artifact;
pub use call::{Call, Input, Running};
pub use capability::{Lend, LendError, LentCall, Transfer};
pub use compat::BreakingChange;
#[cfg(feature = "compiler")]
pub use compile::{compile, compile_bytes, compile_for};
#[cfg(feature = "pool")]
pub use engine::pagemap_scan;
pub use engine::{Allocator, Backend, WASM_STACK, WASMTIME_VERSION};
pub use error::{Fault, HostError, LoadError, Refusal, RunError};
pub use event::Event;
pub use host::{Host, HostBuilder, HostConfig};
pub use limits::{HOST_CALL_BYTES, HOST_CALL_FUEL, LOG_LINE_BYTES, Limits, SkillCaps, TRANSFER_FUEL};
pub use lower::LowerError;
pub use principal::Principal;
pub use report::{
    Digest, Json, Level, LogLine, Outcome, ParseDigestError, Ran, Report, RunId, Source, TrapReport, Usage,
};
pub use skill::{Skill, SkillDescription, Tool};
pub use style::{SchemaStyle, UnknownStyle};
pub use target::{Target, UnknownTarget};
pub use validate::{Annotations, Asks, Example, Import, Lending, Manifest, Submission, ValidatedSkill};
pub use wasi::Clock;

pub use tokio_util::sync::CancellationToken;
/// The engine that this library is built on, for `derive`s on the Rust types of lent functions:
/// `use ringfence::wasmtime;` and then `#[derive(wasmtime::component::ComponentType, …)]`. Its other
/// parts are not needed, and reach nothing of a host.
pub use wasmtime;
pub use wasmtime::component::Val;
