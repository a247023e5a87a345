//! Signed sets of compiled skills, for workers that hold no compiler: written here, and trusted nowhere before they
//! are verified.
//!
//! A bundle is one file:
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `ringfence bundle` |
//! | 4 | the format, 1, of little endian as all numbers |
//! | 4 | bytes of the manifest |
//! | 8 | bytes of the blobs |
//! | 32 | SHA-256 of the blobs |
//! | 32 | SHA-256 of the public key |
//! | 64 | ed25519 signature of `ringfence bundle signature 1\0`, the 96 bytes before it, and the manifest |
//! | … | the manifest: JSON ([`Manifest`]) |
//! | … | the blobs: code and description of each skill for each fingerprint, in the order of the manifest |
//!
//! There is nothing else in the file, so every byte is signed. [`open`] checks in this order: size, magic and format,
//! whether the key is trusted and not revoked, the signature, and only then reads the manifest, what else is revoked, the dates, and the
//! blobs, whose digest must come out before any of them is handed on. What it gives ([`Opened`]) is made in no other
//! way.
//!
//! Same skills, same key, same dates: same bytes ([`Draft::sign`]).
//!
//! Not covered: who may use the secret key, whether the machine's clock is right (a clock that is plainly wrong is an
//! error), and a bundle older than any this worker has seen ([`Manifest::version`] is for the worker to remember).

mod error;
mod format;
mod key;
mod manifest;
mod open;
mod trust;
mod write;

pub use error::{BundleError, Time};
pub use format::HEADER;
pub use key::{KeyError, KeyId, PublicKey, SecretKey};
pub use manifest::{Manifest, SkillEntry, ToolEntry};
pub use open::{Opened, OpenedSkill, Wants, open, open_file, peek};
pub use trust::{Revocations, Trust, TrustError};
pub use write::{Built, Draft, DraftError, DraftSkill};
