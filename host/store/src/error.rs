//! What can go wrong with a store: each error names the thing, whose fault it is, and the next step.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::io;

use ringfence::{BreakingChange, Digest, Fault, LoadError};
use ringfence_compile::CompileError;
use rustix::io::Errno;
use thiserror::Error;

use crate::name::{Name, Owner, Version};

/// The store did not do what was asked. Nothing has changed in it, but for [`StoreError::NotDurable`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not a name, version, owner or reference.
    #[error("`{given}` is not {what}: expected {expected}")]
    Grammar {
        /// What was wanted: `a name of a skill`.
        what: &'static str,
        /// What was given, cut and without control characters.
        given: String,
        /// The grammar, in words.
        expected: &'static str,
    },
    /// No skill of that name.
    #[error("there is no skill `{name}` in this store{}", nearest_of(.nearest))]
    NoSuchSkill {
        /// The name asked for.
        name: Name,
        /// The nearest name there is.
        nearest: Option<Name>,
    },
    /// The skill has no such version.
    #[error("skill `{name}` has no version `{version}`; it has {known}")]
    NoSuchVersion {
        /// The skill.
        name: Name,
        /// The version asked for.
        version: Version,
        /// The versions there are, the newest first, cut.
        known: String,
    },
    /// No skill points at that digest.
    #[error("no skill of this store is {digest}")]
    NoSuchDigest {
        /// The digest asked for.
        digest: Digest,
    },
    /// No skill points at a digest that begins so, or several do.
    #[error(
        "{count} digests of this store begin with sha256:{prefix}: `ringfence list --json` prints them whole"
    )]
    NoSuchPrefix {
        /// What was given.
        prefix: String,
        /// How many digests begin so.
        count: usize,
    },
    /// There is nothing to go back to.
    #[error(
        "skill `{name}`: no version that was current before {current} may run; name one, as in `{name}@VERSION`"
    )]
    NothingEarlier {
        /// The skill.
        name: Name,
        /// The version that is current.
        current: String,
    },
    /// The current version is not removed alone.
    #[error("`{version}` is the current version of `{name}`: roll back first, or remove the whole skill")]
    IsCurrent {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// The name belongs to another owner.
    #[error(
        "the name `{name}` belongs to `{owner}`, not to `{asking}`: choose another name, or act as that owner"
    )]
    NotOwner {
        /// The name.
        name: Name,
        /// Whose it is.
        owner: Owner,
        /// Who asked.
        asking: Owner,
    },
    /// The version is taken by other bytes. A version never changes.
    #[error(
        "skill `{name}` has a version `{version}` already, of other bytes ({digest}): give this one another version"
    )]
    VersionTaken {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
        /// What it is.
        digest: Digest,
    },
    /// There was such a version, or it is a number that was passed. It does not come back as other bytes.
    #[error(
        "version `{version}` of `{name}` is used up: it was removed, or numbers have passed it; give this one another version, or none"
    )]
    VersionGone {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// Callers of the present version would break.
    #[error("it would break callers of `{name}`, version {current}:{}\nsubmit with `--breaking` to replace it all the same, or under another name", list(.changes))]
    Breaking {
        /// The skill.
        name: Name,
        /// The version that is current.
        current: Version,
        /// What breaks.
        changes: Vec<BreakingChange>,
    },
    /// The present version cannot be read, so nothing can be said about its callers.
    #[error(
        "version {current} of `{name}` cannot be compared ({reason}): submit with `--breaking` to replace it all the same"
    )]
    NotComparable {
        /// The skill.
        name: Name,
        /// The version that is current.
        current: Version,
        /// Why not.
        reason: String,
    },
    /// Names that begin so belong to somebody else already.
    #[error(
        "`{prefix}*` cannot be reserved: {by} belongs to `{owner}`; choose a longer prefix, or remove that first"
    )]
    PrefixTaken {
        /// The prefix.
        prefix: String,
        /// What stands in its way.
        by: String,
        /// Whose that is.
        owner: Owner,
    },
    /// Nobody has reserved that prefix.
    #[error("`{prefix}*` is not reserved: `ringfence prefix list` shows what is")]
    NoSuchPrefixReserved {
        /// The prefix.
        prefix: String,
    },
    /// There is no token of that id.
    #[error("there is no token `{id}`: `ringfence token list` shows them")]
    NoSuchToken {
        /// The id asked for.
        id: String,
    },
    /// Over a cap of [`crate::Policy`].
    #[error("{what}: {value}; the cap is {cap}{}: remove something, or raise the cap with `ringfence policy`", by(.owner))]
    OverCap {
        /// What is capped, with its unit.
        what: &'static str,
        /// What it would come to.
        value: u64,
        /// The cap.
        cap: u64,
        /// Whose cap, where it is an owner's.
        owner: Option<Owner>,
    },
    /// Held until it is released.
    #[error("`{name}` version {version} is held: it runs after `ringfence release {name}@{version}`")]
    Held {
        /// The skill.
        name: Name,
        /// The version.
        version: Version,
    },
    /// Revoked: it never runs again.
    #[error("{digest} is revoked and never runs again{}", reason_of(.reason))]
    Revoked {
        /// The skill.
        digest: Digest,
        /// What was said when it was revoked.
        reason: Option<String>,
    },
    /// A file of the store is not what was written.
    #[error("`{path}` in the store is damaged: {reason}; {next}")]
    Damaged {
        /// The file, from the root of the store.
        path: String,
        /// What is wrong with it.
        reason: String,
        /// What mends it.
        next: &'static str,
    },
    /// Something in the store is not the store's: a link, a directory or a file of another kind.
    #[error("`{path}` in the store is {found}, where {expected} should be: it is not followed; move it away")]
    Foreign {
        /// Where, from the root of the store.
        path: String,
        /// What is there.
        found: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// Others than the owner can write to the store.
    #[error("the store `{path}` cannot be trusted: {reason}; {next}")]
    Unsafe {
        /// The root.
        path: String,
        /// What is wrong.
        reason: String,
        /// What mends it.
        next: &'static str,
    },
    /// The directory holds something else, or a store of another format.
    #[error("`{path}` is not a store of this version: {reason}; name another directory with --store")]
    Format {
        /// The root.
        path: String,
        /// What is there.
        reason: String,
    },
    /// Nothing is kept here.
    #[error("no store is in use: {reason}")]
    WithoutStore {
        /// Why not.
        reason: String,
    },
    /// The change can be seen, and a failure of power may undo it.
    #[error("`{path}` was changed, and could not be made to last: {source}; repeat it")]
    NotDurable {
        /// The file, from the root of the store.
        path: String,
        /// What failed.
        source: Box<StoreError>,
    },
    /// A value of the policy cannot be enforced.
    #[error("`{name}` is {value}; it must be between {min} and {max}")]
    PolicyRange {
        /// The field of [`crate::Policy`].
        name: &'static str,
        /// The value given.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// Somebody else who asked for the same at the same time got this.
    #[error(transparent)]
    Shared(std::sync::Arc<StoreError>),
    /// There is no store.
    #[error("there is no store at `{path}`: `ringfence submit` and `ringfence token create` make one")]
    NoStore {
        /// The root.
        path: String,
    },
    /// The store cannot be written to.
    #[error("the store is read-only: {action} failed: {source}")]
    ReadOnly {
        /// What was tried.
        action: String,
        /// The system's words.
        source: io::Error,
    },
    /// The system does not let this user do that.
    #[error("{action} failed: {source}; look at whose the store is, and whether this user may")]
    Denied {
        /// What was tried.
        action: String,
        /// The system's words.
        source: io::Error,
    },
    /// The disk or the quota is full.
    #[error(
        "the disk is full: {action} failed: {source}; nothing has changed. `ringfence gc` frees what is not needed"
    )]
    DiskFull {
        /// What was tried.
        action: String,
        /// The system's words.
        source: io::Error,
    },
    /// Another process holds the store's lock.
    #[error("another process has been changing the store for {seconds} s; try again when it is done")]
    Busy {
        /// How long was waited.
        seconds: u64,
    },
    /// A system call failed.
    #[error("{action} failed: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// The system's words.
        source: io::Error,
    },
    /// The component was refused, or its artifact does not fit.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component was not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

impl StoreError {
    /// The stable code, in kebab-case.
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

    /// The error itself, where this one only hands on what somebody else got.
    pub fn original(&self) -> &Self {
        if let Self::Shared(error) = self { error.original() } else { self }
    }

    /// Whose fault it is.
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

    /// What a failed system call comes to.
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
    name.as_ref().map_or_else(String::new, |name| format!("; the nearest is `{name}`"))
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
