//! Keeps keys and values of skills: spaces, revisions, quotas, and a durable file with group commit.
//!
//! A [`Store`] holds [`Space`]s: one for each skill, or for each skill and principal. A [`Keyspace`] reads and writes
//! one space under [`Quotas`]. Every write gets a revision, higher than all earlier ones of its space, even after a
//! delete. A write can name the revision that it expects ([`Expect`]).
//!
//! There are two backends with the same semantics: [`Store::memory`] and [`Store::open`], which keeps a file.
//! The crate links no engine, so the server's capability and an operator's commands share it.
//!
//! ```
//! use ringfence_kv::{Error, Expect, Quotas, Space, Store};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let store = Store::memory();
//! let notes = store.keyspace(&Space::named("alice", "notes")?, Quotas::default());
//!
//! let first = notes.set("greeting", "hello", Expect::Absent).await?;
//! let second = notes.set("greeting", "good morning", Expect::Revision(first)).await?;
//! assert!(second > first);
//!
//! let late = notes.set("greeting", "too late", Expect::Revision(first)).await;
//! assert!(matches!(late, Err(Error::Conflict { current: Some(revision) }) if revision == second));
//!
//! let entry = notes.get("greeting").await?.unwrap();
//! assert_eq!(&entry.value[..], b"good morning");
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! # Durability
//!
//! A write to a file returns after its commit has reached the disk. One thread commits: it takes queued writes from each
//! space in turn, and commits them as one transaction. So many writers share one sync, and a space that floods its queue
//! delays others by at most two transactions. If a caller drops a write's future, the write happens whole or not at all.
//!
//! # Files
//!
//! [`Store::backup`] copies a store that is in use into a second file, and [`Store::export`] writes lines of JSON.
//! [`Store::verify`] reads every row. Each row has a checksum that every read compares, so a damaged file fails with
//! [`Error::Damaged`] instead of returning other values.
//! The file is a redb database with mode 0600. It commits in two phases, so a killed process leaves the state of
//! the last commit. By default several processes can open it at once ([`Options::shared`]).

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod backend;
mod backup;
mod change;
mod data;
mod durable;
mod error;
mod keyspace;
mod lane;
mod memory;
mod quota;
mod row;
mod share;
mod space;
mod store;
mod transfer;
mod verified;

pub use change::{Action, Change, Changed, Expect};
pub use data::{Entry, MEMORY_BYTES, Options, Page, SpaceUsage, Stats};
pub use error::{Error, Quota};
pub use keyspace::{Keyspace, LIST_KEYS, Sum};
pub use quota::{Clock, Quotas, Usage};
pub use space::{SPACE_NAME_BYTES, Skill, Space};
pub use store::Store;
pub use verified::{Damage, Moved, Verified};
