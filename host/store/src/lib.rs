//! Stores skills from strangers: content-addressed, crash-safe, compiled once. The store authenticates compiled code before
//! it maps it.
//!
//! ```no_run
//! # use ringfence::{CancellationToken, Host, HostConfig};
//! # use ringfence_compile::{CompileLimits, Compiler};
//! use ringfence_store::{Library, Store, Submit};
//!
//! # async fn example(bytes: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! // The compiler runs in a child, which is this program again: `main` begins with
//! // `if let Some(code) = ringfence_compile::child_main() { return code; }`.
//! let host = Host::new(HostConfig::default())?;
//! let compiler = Compiler::this_program(CompileLimits::default())?;
//! let store = Store::open_or_make("/var/lib/skills")?;
//! let library = Library::new(host, compiler, store);
//!
//! // Validates, compiles in a jailed child, and stores. When this returns, the skill is on the disk.
//! let submit = Submit::new("text-stats".parse()?, "alice".parse()?);
//! let taken = library.submit(bytes, submit, |_| {}).await?;
//! println!("{} is {}", taken.receipt.name, taken.receipt.digest);
//!
//! // In this process or another: authenticates the code once, and maps it.
//! let loaded = library.load(&"text-stats".parse()?, |_| {}).await?;
//! println!("{} tools", loaded.skill.tools().len());
//! // Checks for a revocation again. A later one can cancel the run.
//! let call = library.begin(&loaded.skill, "analyze", &CancellationToken::new());
//! let report = call.json(r#"{"text": "Fences make good neighbours."}"#).await?;
//! # let _ = report;
//! # Ok(())
//! # }
//! ```
//!
//! # What is on the disk
//!
//! ```text
//! format                            the format of the store
//! lock                              locked during a change
//! turn                              locked by the process that gets the lock next
//! key                               the key that authenticates artifacts, readable by its user only
//! policy.json                       caps, and whether submissions are held ([`Policy`])
//! prefixes.json                     prefixes of names that belong to an owner ([`Prefix`])
//! tokens.json                       tokens of a server of this store ([`Token`]): hashes, never the tokens
//! names/NAME.json                   owner, versions, history ([`Record`]): one rename makes a change visible
//! names/NAME.gone                   versions of a removed name, so that none ever means other bytes
//! components/SHA256.wasm            the submitted bytes
//! artifacts/ENGINE/SHA256.cwasm     compiled code for one engine fingerprint
//! revoked/SHA256.json               a digest that never runs again ([`Revocation`])
//! scratch/draft-…                   unfinished files
//! ```
//!
//! A name from outside becomes part of a path only if it has the grammar of [`Name`]. The store opens directories and
//! files without following links. It reports foreign files ([`Store::verify`]), and never follows or removes them.

mod artifacts;
mod change;
mod error;
mod folder;
mod gate;
mod gc;
mod library;
mod name;
mod open;
mod policy;
mod prefixes;
mod record;
mod retired;
mod revoked;
mod store;
mod tokens;
mod turns;
mod verify;

pub use artifacts::Miss;
pub use change::{Receipt, Status, Submit};
pub use error::StoreError;
pub use gc::{Collected, Freed, Gc};
pub use library::{
    Built, Cleared, Inspected, Library, Loaded, Origin, Stage, Submitted, Wanted, Warning, asks_for, warnings,
};
pub use name::{GrammarError, Name, Owner, Reference, Version};
pub use open::KV_FILE;
pub use policy::Policy;
pub use prefixes::Prefix;
pub use record::{Change, Entry, Event, Record};
pub use revoked::{Revocation, Revoke, RevokedNow};
pub use store::{Listed, Resolved, Stamp, Store};
pub use tokens::{IssuedToken, NewToken, Pattern, Scope, Token};
pub use turns::{Turn, Turns};
pub use verify::{Finding, Problem, Verification};

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
