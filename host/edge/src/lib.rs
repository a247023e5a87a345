//! Runs signed bundles of compiled skills on a node without a compiler.
//!
//! A [`Worker`] accepts a bundle only if all of these are true:
//!
//! - a trusted key signed all of it, and neither the key nor the bundle is revoked
//! - it is valid today, and no older than one that the worker has seen
//! - it has code for this engine and processor
//!
//! Each call runs in a fresh instance under the bundle's limits. Limits, outcomes and reports are those of the library
//! `ringfence`.
//!
//! ```no_run
//! use ringfence_edge::{Trust, Worker, WorkerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = std::fs::read_to_string("ringfence.key.pub")?;
//! let worker = Worker::new(WorkerConfig::default(), Trust::from_lines(&keys)?)?;
//! worker.load_file("edge.rfb")?;
//!
//! let input = r#"{"text": "Fences make good neighbours."}"#;
//! let report = worker.call_blocking("text-stats", "analyze", input)?;
//! println!("{}: {}", report.outcome.name(), serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! ```
//!
//! A new bundle replaces the old one during calls ([`Worker::load`]): current calls finish on the old code. If the worker
//! refuses a bundle, it continues with the old one.
//!
//! The interfaces `http`, `kv`, `skills` and `tools` return `denied`, whatever the bundle grants.
//!
//! # Features
//!
//! | feature | default | effect |
//! |---|---|---|
//! | `serve` | on | the HTTP server ([`serve`]) |
//! | `https` | off | bundles from an HTTPS URL |
//! | `pulley` | off | the engine's interpreter, for nodes that cannot make memory executable |

mod call;
mod identity;
mod seen;
mod worker;

#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod source;

pub use call::Call;
pub use ringfence_bundle::{
    BundleError, KeyId, Manifest, PublicKey, Revocations, RevocationsError, SkillEntry, Time, Trust,
    TrustError,
};
pub use worker::{CallError, Change, ServedSkill, Serving, Worker, WorkerConfig, WorkerError, show};

/// The library that runs the skills: reports, outcomes, limits.
pub use ringfence;

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
