//! The rules of grants: one type for each capability, with its caps and defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::GrantError;
use crate::http_rule::HttpRule;
use crate::pattern::NamePattern;
use crate::size::Size;

/// The sharing of a skill's keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvSpace {
    /// All principals that call the skill share them.
    #[default]
    Skill,
    /// Each principal has keys of its own.
    Principal,
}

/// The storage of values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvStorage {
    /// On disk. An acknowledged write survives a crash.
    #[default]
    Durable,
    /// In memory, until the process ends.
    Memory,
}

/// A rule for the key-value store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KvRule {
    /// The sharing of keys. Default: `skill`.
    pub space: KvSpace,
    /// The storage of values. Default: `durable`.
    pub storage: KvStorage,
    /// Maximum number of keys of a space. Default: 10,000.
    pub keys: u64,
    /// Maximum bytes of a value. Default: 64 KiB.
    pub value_bytes: Size,
    /// Maximum bytes of a space, including keys. Default: 16 MiB.
    pub bytes: Size,
    /// Maximum number of writes to a space in a minute. Default: 6,000.
    pub writes_per_minute: u32,
}

impl Default for KvRule {
    fn default() -> Self {
        Self {
            space: KvSpace::Skill,
            storage: KvStorage::Durable,
            keys: 10_000,
            value_bytes: Size(64 << 10),
            bytes: Size::mib(16),
            writes_per_minute: 6000,
        }
    }
}

/// A rule for scratch files. What they take also counts in the memory limit of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ScratchRule {
    /// Maximum number of files and directories at once. Default: 1,000; at most 100,000.
    pub files: u32,
    /// Maximum number of directories above a file. Default: 16; at most 64.
    pub depth: u32,
    /// Maximum bytes of a name. Default: 255; at most 1,024.
    pub name_bytes: u32,
    /// Maximum bytes of all files. Default: 16 MiB.
    pub bytes: Size,
}

impl Default for ScratchRule {
    fn default() -> Self {
        Self { files: 1000, depth: 16, name_bytes: 255, bytes: Size::mib(16) }
    }
}

impl ScratchRule {
    /// Checks that each cap allows something, and that operations on a tree within them stay short.
    pub(crate) fn check(&self) -> Result<(), GrantError> {
        for (option, value, most) in [
            ("files", self.files, 100_000),
            ("depth", self.depth, 64),
            ("name-bytes", self.name_bytes, 1_024),
        ] {
            match value {
                0 => return Err(GrantError::Zero(option)),
                value if value > most => return Err(GrantError::OverMost { option, value, most }),
                _ => {}
            }
        }
        if self.bytes.0 == 0 { Err(GrantError::Zero("bytes")) } else { Ok(()) }
    }
}

/// A capability with its rule. There is none for files, processes or raw sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// HTTP requests through the egress door.
    Http(Box<HttpRule>),
    /// The key-value store.
    Kv(KvRule),
    /// Values that the operator sets.
    Config(BTreeMap<String, String>),
    /// Names of secrets whose existence the skill may check. It never sees a value.
    Secrets(Vec<NamePattern>),
    /// Tools that the skill may call.
    Tools(Vec<NamePattern>),
    /// Files in the memory of the run.
    Scratch(ScratchRule),
}

impl Capability {
    /// Returns the word that starts the one-line form.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Kv(_) => "kv",
            Self::Config(_) => "config",
            Self::Secrets(_) => "secret",
            Self::Tools(_) => "tools",
            Self::Scratch(_) => "scratch",
        }
    }
}
