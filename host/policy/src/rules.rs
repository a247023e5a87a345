//! What a grant gives: one rule type for each capability, with its caps and defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::http_rule::HttpRule;
use crate::pattern::NamePattern;
use crate::size::Size;

/// Who shares the keys of a skill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvSpace {
    /// Every principal that calls the skill.
    #[default]
    Skill,
    /// Nobody: each principal has keys of its own.
    Principal,
}

/// How long written values last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KvStorage {
    /// On disk. What is acknowledged survives a crash.
    #[default]
    Durable,
    /// In the memory of the process.
    Memory,
}

/// A rule for the key-value store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KvRule {
    /// Who shares the keys. Default: `skill`.
    pub space: KvSpace,
    /// Where values last. Default: `durable`.
    pub storage: KvStorage,
    /// Most keys of a space. Default: 10,000.
    pub keys: u64,
    /// Most bytes of a value. Default: 64 KiB.
    pub value_bytes: Size,
    /// Most bytes of a space, keys included. Default: 16 MiB.
    pub bytes: Size,
    /// Most writes of a space in a minute. Default: 6,000.
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

/// A rule for scratch files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ScratchRule {
    /// Most files and directories at once. Default: 1,000.
    pub files: u32,
    /// Most directories above a file. Default: 16.
    pub depth: u32,
    /// Most bytes of a name. Default: 255.
    pub name_bytes: u32,
    /// Most bytes of all files. Default: 16 MiB.
    pub bytes: Size,
}

impl Default for ScratchRule {
    fn default() -> Self {
        Self { files: 1000, depth: 16, name_bytes: 255, bytes: Size::mib(16) }
    }
}

/// What one grant gives. There is no kind for files, processes or raw sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// HTTP requests through the egress door.
    Http(Box<HttpRule>),
    /// The key-value store.
    Kv(KvRule),
    /// Values that the operator sets.
    Config(BTreeMap<String, String>),
    /// Names of secrets whose existence the skill may ask for. It never sees a value.
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
