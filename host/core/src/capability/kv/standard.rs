//! `wasi:keyvalue`, versions 0.2.0-draft2 and 0.2.0-draft: the run's space as the bucket `default`.

use wasmtime::component::{ComponentType, Lower, Resource};

use super::cas::{Cas, KEY};
use super::{Answer, NO_GRANT, Received, ask, batch, delete, ended, get, increment, list, set};
use crate::capability::{GrantedInterface, HostCall, Registry, Stub, Transfer};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Capability, DenialKind, Expected, Kv, KvEntry, KvError, KvPage, Spent, Wait};
use crate::state::{GuestState, Stop};

/// Identifiers of the run's space. The host has no other bucket.
const BUCKETS: [&str; 2] = ["default", ""];

/// Keys on a page of `list-keys`.
const PAGE: u32 = 1_000;

/// Maximum cursor of version 0.2.0-draft, whose cursors count keys from the first one.
const CURSOR: u64 = 10_000;

/// `store.bucket`: the space of the run, so all handles are the same.
struct Bucket;

/// `store.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Denied { .. } => Self::AccessDenied,
            KvError::Invalid(text) | KvError::Limit(text) | KvError::Failed(text) => Self::Other(text),
            KvError::Conflict { .. } => Self::Other("the entry changed meanwhile".into()),
        }
    }
}

impl Transfer for Error {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Other(text) => text.transfer_bytes(),
            Self::NoSuchStore | Self::AccessDenied => 1,
        }
    }
}

/// `store.key-response`, with the cursor of a version.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Keys<C> {
    keys: Vec<String>,
    cursor: Option<C>,
}

impl<C: Transfer> Transfer for Keys<C> {
    fn transfer_bytes(&self) -> u64 {
        self.keys.transfer_bytes().saturating_add(self.cursor.transfer_bytes())
    }
}

/// `atomics.cas-error`
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(Error),
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

impl Transfer for CasError {
    fn transfer_bytes(&self) -> u64 {
        match self {
            Self::Store(error) => error.transfer_bytes(),
            Self::Failed(cas) => cas.transfer_bytes(),
        }
    }
}

impl Received for Cas {}
impl<T, E> Received for Result<T, E> {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    link_store(registry, "wasi:keyvalue/store@0.2.0-draft2")?.func_async(
        "[method]bucket.list-keys",
        |state, (_, cursor): (Resource<Bucket>, Option<String>)| list(state, String::new(), cursor, PAGE),
        ended::<_, _, Error>(|KvPage { keys, next }| Keys { keys, cursor: next }),
    )?;
    link_store(registry, "wasi:keyvalue/store@0.2.0-draft")?.func_async(
        "[method]bucket.list-keys",
        |state, (_, cursor): (Resource<Bucket>, Option<u64>)| {
            let from = cursor.unwrap_or(0);
            ask(state, 0, move |kv, call| async move { list_from(&*kv, &call, from).await })
        },
        ended::<_, _, Error>(|(from, KvPage { keys, next }): (u64, KvPage)| {
            let cursor = next.map(|_| from.saturating_add(keys.len() as u64));
            Keys { keys, cursor }
        }),
    )?;
    link_atomics(registry)?;
    link_batch(registry, "wasi:keyvalue/batch@0.2.0-draft2")?;
    link_batch(registry, "wasi:keyvalue/batch@0.2.0-draft")
}

impl Received for (u64, KvPage) {
    fn received(&self) -> u64 {
        self.1.received()
    }
}

/// Returns a page behind the first `from` keys.
async fn list_from(kv: &dyn Kv, call: &HostCall, from: u64) -> Result<(u64, KvPage), KvError> {
    if from > CURSOR {
        let text =
            format!("a cursor is at most {CURSOR}; use version 0.2.0-draft2, whose cursors have no end");
        return Err(KvError::Limit(text));
    }
    let (mut left, mut after) = (from, None::<String>);
    while left > 0 {
        let limit = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = kv.list(call, "", after.as_deref(), limit).await?;
        left = left.saturating_sub((page.keys.len() as u64).max(1));
        after = page.next;
        if after.is_none() {
            return Ok((from, KvPage::default()));
        }
    }
    Ok((from, kv.list(call, "", after.as_deref(), PAGE).await?))
}

/// Adds what both versions of `store` have.
fn link_store<'a>(registry: &'a mut Registry, name: &str) -> Result<GrantedInterface<'a>, HostError> {
    let mut store = registry.granted(name, Access::ByGrant, Stub::Refuse)?;
    store
        .resource::<Bucket>("bucket")?
        .func("open", |mut store, (identifier,): (String,)| {
            let opened = open(store.data_mut(), &identifier);
            Ok((opened.map(|()| Resource::<Bucket>::new_own(0)),))
        })?
        .func_async(
            "[method]bucket.get",
            |state, (_, key): (Resource<Bucket>, String)| get(state, key),
            ended::<_, _, Error>(|entry: Option<KvEntry>| entry.map(|entry| entry.value)),
        )?
        .func_async(
            "[method]bucket.set",
            |state, (_, key, value): (Resource<Bucket>, String, Vec<u8>)| {
                set(state, key, value, Expected::Any)
            },
            ended::<_, _, Error>(drop),
        )?
        .func_async(
            "[method]bucket.delete",
            |state, (_, key): (Resource<Bucket>, String)| delete(state, key, Expected::Any),
            ended::<_, _, Error>(drop),
        )?
        .func_async(
            "[method]bucket.exists",
            |state, (_, key): (Resource<Bucket>, String)| {
                ask(state, key.len(), |kv, call| async move { Ok(kv.get(&call, &key).await?.is_some()) })
            },
            ended::<_, _, Error>(|exists| exists),
        )?;
    Ok(store)
}

fn open(state: &mut GuestState, identifier: &str) -> Result<(), Error> {
    state.spend(Capability::Kv, Spent { calls: 1, sent: identifier.len() as u64, ..Spent::default() });
    if !BUCKETS.contains(&identifier) {
        return Err(Error::NoSuchStore);
    }
    if state.granted.kv.is_some() {
        return Ok(());
    }
    state.deny(Capability::Kv, "", DenialKind::NoGrant, NO_GRANT);
    Err(Error::AccessDenied)
}

fn link_atomics(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .granted("wasi:keyvalue/atomics@0.2.0-draft", Access::ByGrant, Stub::Refuse)?
        .resource::<Bucket>("bucket")?
        .func_async(
            "increment",
            |state, (_, key, delta): (Resource<Bucket>, String, u64)| {
                ask(state, key.len(), move |kv, call| async move {
                    let large = |_| KvError::Invalid("the number has more than 63 bits".into());
                    let sum = kv.increment(&call, &key, i64::try_from(delta).map_err(large)?).await?;
                    let negative = |_| KvError::Invalid("the number in the store is negative".into());
                    u64::try_from(sum).map_err(negative)
                })
            },
            ended::<_, _, Error>(|sum| sum),
        )?;
    registry
        .granted("wasi:keyvalue/atomics@0.2.0-draft2", Access::ByGrant, Stub::Refuse)?
        .resource::<Bucket>("bucket")?
        .resource_with::<Cas>("cas", |state, cas| drop(state.swaps.remove(cas.rep())))?
        .func_async(
            "increment",
            |state, (_, key, delta): (Resource<Bucket>, String, i64)| increment(state, key, delta),
            ended::<_, _, Error>(|sum| sum),
        )?
        .func_async(
            "[static]cas.new",
            |state, (_, key): (Resource<Bucket>, String)| {
                ask(state, key.len(), |kv, call| async move {
                    if key.len() > KEY {
                        return Err(KvError::Invalid(format!("a key of `cas` has at most {KEY} bytes")));
                    }
                    let revision = kv.get(&call, &key).await?.map(|entry| entry.revision);
                    Ok(Cas { key, revision })
                })
            },
            |state, answer: Answer<Cas>| match answer.record(state) {
                Ok(cas) => Ok((Ok(add(state, cas)?),)),
                Err(error) => Ok((Err(Error::from(error)),)),
            },
        )?
        .func_async(
            "[method]cas.current",
            |state, (cas,): (Resource<Cas>,)| {
                let handle = cas.rep();
                let key = state.swaps.get(handle).map(|cas| cas.key.clone()).unwrap_or_default();
                let read = get(state, key);
                async move { (handle, read.await) }
            },
            |state, (handle, answer)| {
                let entry = match answer.record(state) {
                    Ok(entry) => entry,
                    Err(error) => return Ok((Err(Error::from(error)),)),
                };
                // The swap replaces the value that the guest saw last.
                if let Some(cas) = state.swaps.get(handle) {
                    cas.revision = entry.as_ref().map(|entry| entry.revision);
                }
                Ok((Ok(entry.map(|KvEntry { value, .. }| value)),))
            },
        )?
        .func_async(
            "swap",
            |state, (cas, value): (Resource<Cas>, Vec<u8>)| {
                let cas = state.swaps.remove(cas.rep());
                let sent = cas.as_ref().map_or(0, |cas| cas.key.len()).saturating_add(value.len());
                ask(state, sent, move |kv, call| async move {
                    // The engine knows the handle, so it is there.
                    let gone = || KvError::Failed("the handle is not open".into());
                    let cas = cas.ok_or_else(gone)?;
                    match kv.set(&call, &cas.key, value, cas.expected()).await {
                        Ok(_) => Ok(Ok(())),
                        Err(KvError::Conflict { revision }) => Ok(Err(Cas { revision, ..cas })),
                        Err(error) => Err(error),
                    }
                })
            },
            |state, answer: Answer<Result<(), Cas>>| match answer.record(state) {
                Ok(Ok(())) => Ok((Ok(()),)),
                Ok(Err(cas)) => Ok((Err(CasError::Failed(add(state, cas)?)),)),
                Err(error) => Ok((Err(CasError::Store(error.into())),)),
            },
        )?;
    Ok(())
}

fn add(state: &mut GuestState, cas: Cas) -> wasmtime::Result<Resource<Cas>> {
    state.swaps.add(cas).ok_or_else(|| {
        state.stop(Stop::Trap("too-many-handles", "more than 1,000 handles of `cas` are open".into()))
    })
}

fn link_batch(registry: &mut Registry, name: &str) -> Result<(), HostError> {
    registry
        .granted(name, Access::ByGrant, Stub::Refuse)?
        .resource::<Bucket>("bucket")?
        .func_async(
            "get-many",
            |state, (_, keys): (Resource<Bucket>, Vec<String>)| batch(state, keys, String::len, get_one),
            ended::<_, _, Error>(|pairs: Vec<Option<Pair>>| pairs),
        )?
        .func_async(
            "set-many",
            |state, (_, pairs): (Resource<Bucket>, Vec<Pair>)| {
                batch(state, pairs, |(key, value)| key.len().saturating_add(value.len()), set_one)
            },
            ended::<_, _, Error>(|_: Vec<u64>| ()),
        )?
        .func_async(
            "delete-many",
            |state, (_, keys): (Resource<Bucket>, Vec<String>)| batch(state, keys, String::len, delete_one),
            ended::<_, _, Error>(|_: Vec<bool>| ()),
        )?;
    Ok(())
}

type Pair = (String, Vec<u8>);

fn get_one<'a>(kv: &'a dyn Kv, call: &'a HostCall, key: String) -> Wait<'a, Result<Option<Pair>, KvError>> {
    Box::pin(async move {
        let entry = kv.get(call, &key).await?;
        Ok(entry.map(|entry| (key, entry.value)))
    })
}

fn set_one<'a>(kv: &'a dyn Kv, call: &'a HostCall, (key, value): Pair) -> Wait<'a, Result<u64, KvError>> {
    Box::pin(async move { kv.set(call, &key, value, Expected::Any).await })
}

fn delete_one<'a>(kv: &'a dyn Kv, call: &'a HostCall, key: String) -> Wait<'a, Result<bool, KvError>> {
    Box::pin(async move { kv.delete(call, &key, Expected::Any).await })
}

impl Received for Option<Pair> {
    fn received(&self) -> u64 {
        self.as_ref().map_or(0, |(key, value)| (key.len() as u64).saturating_add(value.len() as u64))
    }
}
