//! Runs signed bundles of compiled skills on a node that holds no compiler.
//!
//! A [`Worker`] takes a bundle only when all of it is signed by a key that it trusts, holds now, is not revoked, is no
//! older than one that it has seen, and has code for this very engine and processor. Then its skills are called, each
//! call in a fresh instance under the limits that the bundle gives it: the same limits, outcomes and reports as those
//! of the library `ringfence`, whose engine this is.
//!
//! ```no_run
//! use ringfence_edge::{Trust, Worker, WorkerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = std::fs::read_to_string("ringfence.pub")?;
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
//! A new bundle takes the place of the old one while calls go on ([`Worker::load`]): those that run end on the old
//! code. A bundle that is refused changes nothing.
//!
//! What is lent to skills elsewhere is not here yet: `http`, `kv` and `skills` answer `denied`, whatever the bundle
//! grants.
//!
//! # Features
//!
//! `serve` (on by default): the HTTP server ([`serve`]). `https`: bundles from an HTTPS URL. `pulley`: the engine's
//! interpreter, for nodes that may not make memory executable. None: the worker alone.

mod call;
mod seen;
mod worker;

#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod source;

pub use call::Call;
pub use ringfence_bundle::{
    BundleError, KeyId, Manifest, PublicKey, Revocations, SkillEntry, Time, Trust, TrustError,
};
pub use worker::{CallError, Change, Serving, Worker, WorkerConfig, WorkerError, show};

/// The library that this worker runs skills with: reports, outcomes, limits.
pub use ringfence;
