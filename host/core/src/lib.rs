//! Run untrusted agent skills: WebAssembly components, each call in a fresh instance, under hard limits,
//! without a filesystem.

mod admit;
mod artifact;
mod call;
mod capability;
#[cfg(feature = "compiler")]
mod compile;
mod engine;
mod error;
mod event;
mod host;
mod json;
mod limiter;
mod limits;
mod report;
mod run;
mod schema;
mod skill;
mod state;
pub mod text;
mod ticker;
mod types;
mod validate;
mod wasi;

pub use artifact::Artifact;
pub use call::{Call, Input, Running};
pub use capability::{Lend, LendError, LentCall};
#[cfg(feature = "compiler")]
pub use compile::{compile, compile_bytes};
pub use engine::{Allocator, WASM_STACK};
pub use error::{Fault, HostError, LoadError, Refusal, RunError};
pub use event::Event;
pub use host::{Host, HostBuilder, HostConfig};
pub use limits::{HOST_CALL_BYTES, LOG_LINE_BYTES, Limits, SkillCaps};
pub use report::{Digest, Json, Level, LogLine, Outcome, Report, RunId, Source, TrapReport, Usage};
pub use skill::{Skill, Tool};
pub use validate::{Import, Submission, ValidatedSkill};
pub use wasi::Clock;

pub use tokio_util::sync::CancellationToken;
pub use wasmtime::component::Val;
