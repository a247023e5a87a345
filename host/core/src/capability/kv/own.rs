//! `ringfence:skill/kv`, in both versions. Version 0.1.0 is a part of version 0.2.0.

use wasmtime::component::{ComponentType, Lift, Lower};

use super::{delete, ended, get, increment, list, set};
use crate::capability::{Registry, Stub, Transfer};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Expected, KvEntry, KvError, KvPage};

/// `kv.error` of version 0.1.0
#[derive(ComponentType, Lower)]
#[component(variant)]
enum OldError {
    #[component(name = "denied")]
    Denied,
    #[component(name = "limit")]
    Limit,
    #[component(name = "failed")]
    Failed(String),
}

impl From<KvError> for OldError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Denied { .. } => Self::Denied,
            KvError::Limit(_) => Self::Limit,
            KvError::Invalid(text) | KvError::Failed(text) => Self::Failed(text),
            // Version 0.1.0 expects nothing of an entry.
            KvError::Conflict { .. } => Self::Failed("the entry changed meanwhile".into()),
        }
    }
}

impl Transfer for OldError {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Failed(text) => text.transfer_bytes(),
            Self::Denied | Self::Limit => 1,
        }
    }
}

/// `kv.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "conflict")]
    Conflict(Option<u64>),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "failed")]
    Failed(String),
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Denied { .. } => Self::Denied,
            KvError::Invalid(text) => Self::Invalid(text),
            KvError::Conflict { revision } => Self::Conflict(revision),
            KvError::Limit(text) => Self::Limit(text),
            KvError::Failed(text) => Self::Failed(text),
        }
    }
}

impl Transfer for Error {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Invalid(text) | Self::Limit(text) | Self::Failed(text) => text.transfer_bytes(),
            Self::Conflict(revision) => revision.transfer_bytes(),
            Self::Denied => 1,
        }
    }
}

/// `kv.entry`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Entry {
    value: Vec<u8>,
    revision: u64,
}

impl From<KvEntry> for Entry {
    fn from(KvEntry { value, revision }: KvEntry) -> Self {
        Self { value, revision }
    }
}

impl Transfer for Entry {
    fn transfer_bytes(&self) -> u64 {
        self.value.transfer_bytes().saturating_add(8)
    }
}

/// `kv.page`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Page {
    keys: Vec<String>,
    next: Option<String>,
}

impl From<KvPage> for Page {
    fn from(KvPage { keys, next }: KvPage) -> Self {
        Self { keys, next }
    }
}

impl Transfer for Page {
    fn transfer_bytes(&self) -> u64 {
        self.keys.transfer_bytes().saturating_add(self.next.transfer_bytes())
    }
}

/// `kv.expected`
#[derive(ComponentType, Lift)]
#[component(variant)]
enum WitExpected {
    #[component(name = "any")]
    Any,
    #[component(name = "absent")]
    Absent,
    #[component(name = "revision")]
    Revision(u64),
}

impl Transfer for WitExpected {}

impl From<WitExpected> for Expected {
    fn from(expected: WitExpected) -> Self {
        match expected {
            WitExpected::Any => Self::Any,
            WitExpected::Absent => Self::Absent,
            WitExpected::Revision(revision) => Self::Revision(revision),
        }
    }
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .granted("ringfence:skill/kv@0.2.0", Access::ByGrant, Stub::Refuse)?
        .func_async(
            "get",
            |state, (key,): (String,)| get(state, key),
            ended::<_, _, Error>(|entry: Option<KvEntry>| entry.map(Entry::from)),
        )?
        .func_async(
            "set",
            |state, (key, value, expected): (String, Vec<u8>, WitExpected)| {
                set(state, key, value, expected.into())
            },
            ended::<_, _, Error>(|revision| revision),
        )?
        .func_async(
            "delete",
            |state, (key, expected): (String, WitExpected)| delete(state, key, expected.into()),
            ended::<_, _, Error>(|existed| existed),
        )?
        .func_async(
            "increment",
            |state, (key, delta): (String, i64)| increment(state, key, delta),
            ended::<_, _, Error>(|sum| sum),
        )?
        .func_async(
            "list",
            |state, (prefix, cursor, limit): (String, Option<String>, u32)| {
                list(state, prefix, cursor, limit)
            },
            ended::<_, _, Error>(Page::from),
        )?;
    registry
        .granted("ringfence:skill/kv@0.1.0", Access::ByGrant, Stub::Refuse)?
        .func_async(
            "get",
            |state, (key,): (String,)| get(state, key),
            ended::<_, _, OldError>(|entry: Option<KvEntry>| entry.map(|entry| entry.value)),
        )?
        .func_async(
            "set",
            |state, (key, value): (String, Vec<u8>)| set(state, key, value, Expected::Any),
            ended::<_, _, OldError>(drop),
        )?
        .func_async(
            "delete",
            |state, (key,): (String,)| delete(state, key, Expected::Any),
            ended::<_, _, OldError>(|existed| existed),
        )?
        .func_async(
            "list",
            |state, (prefix, after, limit): (String, Option<String>, u32)| list(state, prefix, after, limit),
            ended::<_, _, OldError>(|page: KvPage| page.keys),
        )?;
    Ok(())
}
