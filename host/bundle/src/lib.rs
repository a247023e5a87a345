//! Writes and verifies signed sets of compiled skills, for workers without a compiler.
//!
//! A bundle is one file:
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `ringfence bundle` |
//! | 4 | the format, 1, in little endian like all numbers |
//! | 4 | bytes of the manifest |
//! | 8 | bytes of the blobs |
//! | 32 | SHA-256 of the blobs |
//! | 32 | SHA-256 of the public key |
//! | 64 | ed25519 signature of `ringfence bundle signature 1\0`, the 96 bytes before it, and the manifest |
//! | … | the manifest: JSON ([`Manifest`]) |
//! | … | the blobs: code and description of each skill for each fingerprint, in the order of the manifest |
//!
//! The file contains nothing else, so the signature covers every byte. [`open`] checks in this order:
//!
//! 1. size, magic and format
//! 2. the key: trusted and not revoked
//! 3. the signature
//! 4. the manifest, further revocations and the dates
//! 5. the digest of the blobs, before it returns any of them
//!
//! Only [`open`] makes an [`Opened`]. The same skills, key and dates result in the same bytes ([`Draft::sign`]).
//!
//! This crate cannot know who else has the secret key, or whether the machine's clock is right (a plainly wrong clock is an
//! error). To refuse bundles older than one that it has seen, a worker must remember [`Manifest::version`].

mod error;
mod format;
mod id;
mod key;
mod manifest;
mod open;
mod trust;
mod write;

pub use error::{BundleError, Time};
pub use format::{HEADER, is_bundle};
pub use id::{BundleId, KeyId, ParseIdError, RevokedId};
pub use key::{KeyError, PublicKey, SecretKey};
pub use manifest::{Manifest, SkillEntry, ToolEntry};
pub use open::{BundleFile, Claimed, Opened, OpenedSkill, Wants, open, open_file, peek};
pub use trust::{Revocations, RevocationsError, Trust, TrustError};
pub use write::{Built, Draft, DraftError, DraftSkill};

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
