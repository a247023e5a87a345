//! `ringfence:skill/kv`: keys and values of the space that the run is granted. Version 0.1.0 is a part of version
//! 0.2.0.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{ComponentType, Lift, Lower};

use super::{HostCall, Registry, Transfer};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Capability, Expected, Kv, KvEntry, KvError, KvPage, Spent};
use crate::state::GuestState;

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

/// The answer of the space, and what the call took.
struct Answer<T> {
    result: Result<T, KvError>,
    spent: Spent,
}

/// Starts a call of the space that the run is granted. `sent` are the bytes of key and value.
fn ask<T, F, A>(
    state: &mut GuestState,
    sent: u64,
    f: A,
) -> impl Future<Output = Answer<T>> + Send + use<T, F, A>
where
    A: FnOnce(Arc<dyn Kv>, HostCall) -> F + Send + 'static,
    F: Future<Output = Result<T, KvError>> + Send + 'static,
    T: Send + 'static,
{
    // Before the call, so that one that the run does not outlive is in its usage.
    state.spend(Capability::Kv, Spent { calls: 1, sent, ..Spent::default() });
    let (kv, call) = (state.granted.kv.clone(), HostCall::of(state));
    async move {
        let begun = Instant::now();
        let result = match kv {
            Some(kv) => f(kv, call).await,
            None => Err(KvError::Denied { reason: "no grant for kv".into() }),
        };
        Answer { result, spent: Spent { wait: begun.elapsed(), ..Spent::default() } }
    }
}

/// Records what a call took, and why it was denied. `received` are the bytes of the answer.
fn record<T>(
    state: &mut GuestState,
    answer: Answer<T>,
    received: impl FnOnce(&T) -> usize,
) -> Result<T, KvError> {
    let received = answer.result.as_ref().map_or(0, |value| received(value) as u64);
    state.spend(Capability::Kv, Spent { received, ..answer.spent });
    if let Err(KvError::Denied { reason }) = &answer.result {
        state.deny(Capability::Kv, "", reason);
    }
    answer.result
}

fn value_len(entry: &Option<KvEntry>) -> usize {
    entry.as_ref().map_or(0, |entry| entry.value.len())
}

fn keys_len(page: &KvPage) -> usize {
    page.keys.iter().map(String::len).fold(0, usize::saturating_add)
}

fn nothing<T>(_: &T) -> usize {
    0
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    link_old(registry)?;
    registry
        .interface_as("ringfence:skill/kv@0.2.0", Access::ByGrant)?
        .func_async(
            "get",
            |state, (key,): (String,)| {
                ask(state, key.len() as u64, |kv, call| async move { kv.get(&call, &key).await })
            },
            |state, answer| {
                let entry = record(state, answer, value_len);
                Ok((entry.map(|entry| entry.map(Entry::from)).map_err(Error::from),))
            },
        )?
        .func_async(
            "set",
            |state, (key, value, expected): (String, Vec<u8>, WitExpected)| {
                let sent = key.len().saturating_add(value.len()) as u64;
                ask(state, sent, |kv, call| async move { kv.set(&call, &key, value, expected.into()).await })
            },
            |state, answer| Ok((record(state, answer, nothing).map_err(Error::from),)),
        )?
        .func_async(
            "delete",
            |state, (key, expected): (String, WitExpected)| {
                ask(state, key.len() as u64, |kv, call| async move {
                    kv.delete(&call, &key, expected.into()).await
                })
            },
            |state, answer| Ok((record(state, answer, nothing).map_err(Error::from),)),
        )?
        .func_async(
            "increment",
            |state, (key, delta): (String, i64)| {
                ask(
                    state,
                    key.len() as u64,
                    move |kv, call| async move { kv.increment(&call, &key, delta).await },
                )
            },
            |state, answer| Ok((record(state, answer, nothing).map_err(Error::from),)),
        )?
        .func_async(
            "list",
            |state, (prefix, cursor, limit): (String, Option<String>, u32)| {
                ask(state, prefix.len() as u64, move |kv, call| async move {
                    kv.list(&call, &prefix, cursor.as_deref(), limit).await
                })
            },
            |state, answer| Ok((record(state, answer, keys_len).map(Page::from).map_err(Error::from),)),
        )?;
    Ok(())
}

fn link_old(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/kv@0.1.0", Access::ByGrant)?
        .func_async(
            "get",
            |state, (key,): (String,)| {
                ask(state, key.len() as u64, |kv, call| async move { kv.get(&call, &key).await })
            },
            |state, answer| {
                let entry = record(state, answer, value_len);
                Ok((entry.map(|entry| entry.map(|entry| entry.value)).map_err(OldError::from),))
            },
        )?
        .func_async(
            "set",
            |state, (key, value): (String, Vec<u8>)| {
                let sent = key.len().saturating_add(value.len()) as u64;
                ask(state, sent, |kv, call| async move { kv.set(&call, &key, value, Expected::Any).await })
            },
            |state, answer| Ok((record(state, answer, nothing).map(|_| ()).map_err(OldError::from),)),
        )?
        .func_async(
            "delete",
            |state, (key,): (String,)| {
                ask(
                    state,
                    key.len() as u64,
                    |kv, call| async move { kv.delete(&call, &key, Expected::Any).await },
                )
            },
            |state, answer| Ok((record(state, answer, nothing).map_err(OldError::from),)),
        )?
        .func_async(
            "list",
            |state, (prefix, after, limit): (String, Option<String>, u32)| {
                ask(state, prefix.len() as u64, move |kv, call| async move {
                    kv.list(&call, &prefix, after.as_deref(), limit).await
                })
            },
            |state, answer| {
                Ok((record(state, answer, keys_len).map(|page| page.keys).map_err(OldError::from),))
            },
        )?;
    Ok(())
}
