//! What can go wrong with a store: each error names the thing, whose fault it is, and the next step.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::io;

use ringfence::{BreakingChange, Digest, Fault, LoadError};
use ringfence_compile::CompileError;
use rustix::io::Errno;
use thiserror::Error;

use crate::name::{GrammarError, Name, Owner, Version};

/// Why a request to the store failed. Except for [`StoreError::NotDurable`], nothing has changed in the store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A name, version, owner or reference is invalid.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// The store has no skill of that name.
    #[error("no skill `{name}` in this store{}", nearest_of(.nearest))]
    NoSuchSkill {
        /// The requested name.
        name: Name,
        /// The nearest existing name.
        nearest: Option<Name>,
    },
    /// The skill has no such version.
    #[error("skill `{name}` has no version `{version}`; its versions are {known}")]
    NoSuchVersion {
        /// The skill.
        name: Name,
        /// The requested version.
        version: Version,
        /// The existing versions, the newest first, cut.
        known: String,
    },
    /// No skill has that digest.
    #[error("no skill with the digest {digest} in this store; `ringfence list` lists the skills")]
    NoSuchDigest {
        /// The requested digest.
        digest: Digest,
    },
    /// No digest begins with that prefix, or several do.
    #[error(
        "{count} digests in this store start with sha256:{prefix}; `ringfence list --json` prints whole digests"
    )]
    NoSuchPrefix {
        /// What was given.
        prefix: String,
        /// Number of digests with that prefix.
        count: usize,
    },
    /// The skill has no earlier version to roll back to.
    #[error(
        "skill `{name}` has no version to roll back to: no version that was current before {current} can run; choose one \
         with `{name}@VERSION`"
    )]
    NothingEarlier {
        /// The skill.
        name: Name,
        /// The current version.
        current: String,
    },
    /// The current version cannot be removed alone.
    #[error(
        "cannot remove `{version}`, the current version of `{name}`; roll back first, or remove the whole skill"
    )]
    IsCurrent {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// The name belongs to another owner.
    #[error(
        "the name `{name}` belongs to `{owner}`, not to `{asking}`; choose another name, or act as `{owner}`"
    )]
    NotOwner {
        /// The name.
        name: Name,
        /// The owner of the name.
        owner: Owner,
        /// The owner of the request.
        asking: Owner,
    },
    /// The version exists with other bytes. A version never changes.
    #[error(
        "skill `{name}` already has a version `{version}` with other bytes ({digest}); choose another version"
    )]
    VersionTaken {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
        /// The digest.
        digest: Digest,
    },
    /// The version existed before, or its number is below the highest. It never means other bytes.
    #[error(
        "cannot reuse version `{version}` of `{name}`: it was removed, or higher numbers exist; choose another version, or none \
         for the next number"
    )]
    VersionGone {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// The new version would break callers of the current one.
    #[error("the change would break callers of `{name}` version {current}:{}\nuse `--breaking` to replace it anyway, or choose another name", list(.changes))]
    Breaking {
        /// The skill.
        name: Name,
        /// The current version.
        current: Version,
        /// What breaks.
        changes: Vec<BreakingChange>,
    },
    /// The current version cannot be read, so the store cannot tell what would break.
    #[error(
        "cannot compare with version {current} of `{name}` ({source}); use `--breaking` to replace it anyway"
    )]
    NotComparable {
        /// The skill.
        name: Name,
        /// The current version.
        current: Version,
        /// Why not.
        source: Box<StoreError>,
    },
    /// The prefix belongs to another owner.
    #[error(
        "cannot reserve `{prefix}*`: {by} belongs to `{owner}`; choose a longer prefix, or remove {by} first"
    )]
    PrefixTaken {
        /// The prefix.
        prefix: String,
        /// The conflicting name or prefix.
        by: String,
        /// Its owner.
        owner: Owner,
    },
    /// No owner has reserved that prefix.
    #[error("`{prefix}*` is not reserved; `ringfence prefix list` lists the reserved prefixes")]
    NoSuchPrefixReserved {
        /// The prefix.
        prefix: String,
    },
    /// The store has no token of that id.
    #[error("no token `{id}` in this store; `ringfence token list` lists the tokens")]
    NoSuchToken {
        /// The requested id.
        id: String,
    },
    /// The change exceeds a cap of [`crate::Policy`].
    #[error("over a cap of the store: {value} {what}; the cap is {cap}{}; remove something, or raise the cap with `ringfence policy`", by(.owner))]
    OverCap {
        /// The capped quantity, with its unit.
        what: &'static str,
        /// The value after the change.
        value: u64,
        /// The cap.
        cap: u64,
        /// The owner, for a cap on owners.
        owner: Option<Owner>,
    },
    /// The version is held until an admin releases it.
    #[error("`{name}` version {version} is held; release it with `ringfence release {name}@{version}`")]
    Held {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// The skill is revoked and never runs again.
    #[error("skill {digest} is revoked and never runs again{}", reason_of(.reason))]
    Revoked {
        /// The skill.
        digest: Digest,
        /// The reason of the revocation.
        reason: Option<String>,
    },
    /// A file of the store is damaged.
    #[error("`{path}` in the store is damaged: {reason}; {next}")]
    Damaged {
        /// The file, from the root of the store.
        path: String,
        /// What is wrong with it.
        reason: String,
        /// How to repair it.
        next: &'static str,
    },
    /// The store contains something foreign: a link, a directory or a file of another kind.
    #[error("`{path}` in the store is {found}; expected {expected}; move it away")]
    Foreign {
        /// The path, from the root of the store.
        path: String,
        /// The actual kind of file.
        found: &'static str,
        /// The expected kind of file.
        expected: &'static str,
    },
    /// Other users can write to the store.
    #[error("the store `{path}` cannot be trusted: {reason}; {next}")]
    Unsafe {
        /// The root.
        path: String,
        /// What is wrong.
        reason: String,
        /// How to repair it.
        next: &'static str,
    },
    /// The directory contains something else, or a store of another format.
    #[error("`{path}` is not a store of this version: {reason}; choose another directory with --store")]
    Format {
        /// The root.
        path: String,
        /// What the directory contains instead.
        reason: String,
    },
    /// This process has no store.
    #[error("this process has no store: {reason}")]
    WithoutStore {
        /// Why not.
        reason: String,
    },
    /// The change is visible, but a power failure can undo it.
    #[error("`{path}` was changed, but a power failure could undo it: {source}; repeat the command")]
    NotDurable {
        /// The file, from the root of the store.
        path: String,
        /// What failed.
        source: Box<StoreError>,
    },
    /// The store cannot enforce a value of the policy.
    #[error("invalid `{name}`: {value}; it must be between {min} and {max}")]
    PolicyRange {
        /// The field of [`crate::Policy`].
        name: &'static str,
        /// The value.
        value: u64,
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// The error of a concurrent request for the same thing.
    #[error(transparent)]
    Shared(std::sync::Arc<StoreError>),
    /// The store does not exist.
    #[error("no store at `{path}`; create one with `ringfence submit` or `ringfence token create`")]
    NoStore {
        /// The root.
        path: String,
    },
    /// The store is read-only.
    #[error(
        "the store is read-only: {action} failed: {source}; make it writable, or choose another with --store"
    )]
    ReadOnly {
        /// The attempted action.
        action: String,
        /// The system's error.
        source: io::Error,
    },
    /// The system denies this user the access.
    #[error("{action} failed: {source}; check the owner and the permissions of the store")]
    Denied {
        /// The attempted action.
        action: String,
        /// The system's error.
        source: io::Error,
    },
    /// The disk or the quota is full.
    #[error(
        "the disk is full: {action} failed: {source}; nothing was changed; free space with `ringfence gc`"
    )]
    DiskFull {
        /// The attempted action.
        action: String,
        /// The system's error.
        source: io::Error,
    },
    /// Another process has locked the store.
    #[error("another process has held the lock of the store for {seconds} s; try again later")]
    Busy {
        /// The time waited.
        seconds: u64,
    },
    /// A system call failed.
    #[error("{action} failed: {source}")]
    Io {
        /// The attempted action.
        action: String,
        /// The system's error.
        source: io::Error,
    },
    /// The component was refused, or its artifact does not match the engine.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl StoreError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Grammar { .. } => "bad-reference",
            Self::NoSuchSkill { .. } => "no-such-skill",
            Self::NoSuchVersion { .. } => "no-such-version",
            Self::NoSuchDigest { .. } | Self::NoSuchPrefix { .. } => "no-such-skill",
            Self::NoSuchToken { .. } => "no-such-token",
            Self::PrefixTaken { .. } => "prefix-taken",
            Self::NoSuchPrefixReserved { .. } => "no-such-prefix",
            Self::NothingEarlier { .. } => "nothing-earlier",
            Self::IsCurrent { .. } => "is-current",
            Self::NotOwner { .. } => "not-owner",
            Self::VersionTaken { .. } | Self::VersionGone { .. } => "version-taken",
            Self::Breaking { .. } => "breaking-change",
            Self::NotComparable { .. } => "not-comparable",
            Self::OverCap { .. } => "store-over-cap",
            Self::Held { .. } => "held",
            Self::Revoked { .. } => "revoked",
            Self::Damaged { .. } => "damaged",
            Self::Foreign { .. } => "foreign-file",
            Self::Unsafe { .. } => "store-unsafe",
            Self::Format { .. } => "store-format",
            Self::WithoutStore { .. } => "no-store",
            Self::NotDurable { .. } => "not-durable",
            Self::PolicyRange { .. } => "bad-policy",
            Self::Shared(error) => error.code(),
            Self::Denied { .. } => "store-denied",
            Self::NoStore { .. } => "no-store",
            Self::ReadOnly { .. } => "store-read-only",
            Self::DiskFull { .. } => "disk-full",
            Self::Busy { .. } => "store-busy",
            Self::Io { .. } => "store-io",
            Self::Load(error) => error.code(),
            Self::Compile(error) => error.code(),
        }
    }

    /// Returns the original error of a shared one.
    pub fn original(&self) -> &Self {
        if let Self::Shared(error) = self { error.original() } else { self }
    }

    /// Returns whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Grammar { .. }
            | Self::NoSuchSkill { .. }
            | Self::NoSuchVersion { .. }
            | Self::NoSuchDigest { .. }
            | Self::NoSuchPrefix { .. }
            | Self::NoSuchToken { .. }
            | Self::PrefixTaken { .. }
            | Self::NoSuchPrefixReserved { .. }
            | Self::NothingEarlier { .. }
            | Self::IsCurrent { .. }
            | Self::NotOwner { .. }
            | Self::PolicyRange { .. }
            | Self::NoStore { .. } => Fault::Caller,
            Self::Shared(error) => error.fault(),
            Self::VersionTaken { .. }
            | Self::VersionGone { .. }
            | Self::Breaking { .. }
            | Self::NotComparable { .. }
            | Self::OverCap { .. }
            | Self::Held { .. }
            | Self::Revoked { .. } => Fault::Author,
            Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::Unsafe { .. }
            | Self::Format { .. }
            | Self::WithoutStore { .. }
            | Self::NotDurable { .. }
            | Self::Denied { .. }
            | Self::ReadOnly { .. }
            | Self::DiskFull { .. }
            | Self::Io { .. } => Fault::Host,
            Self::Busy { .. } => Fault::Load,
            Self::Load(error) => error.fault(),
            Self::Compile(error) => error.fault(),
        }
    }

    /// Converts a failed system call.
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        let action = action.into();
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::DiskFull { action, source },
            Some(Errno::ROFS) => Self::ReadOnly { action, source },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { action, source },
            _ => Self::Io { action, source },
        }
    }
}

fn nearest_of(name: &Option<Name>) -> String {
    name.as_ref().map_or_else(String::new, |name| format!("; the closest match is `{name}`"))
}

fn by(owner: &Option<Owner>) -> String {
    owner.as_ref().map_or_else(String::new, |owner| format!(" for the owner `{owner}`"))
}

fn reason_of(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}

fn list(changes: &[BreakingChange]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}
