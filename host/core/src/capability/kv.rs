//! Keys and values of the space that the run is granted: `ringfence:skill/kv` and `wasi:keyvalue`, over the same calls.

mod cas;
mod own;
mod standard;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

pub(crate) use self::cas::Swaps;
use super::http::take;
use super::join::join;
use super::{HostCall, Registry};
use crate::error::HostError;
use crate::grants::{Capability, DenialKind, Expected, Kv, KvEntry, KvError, KvPage, Spent, Wait};
use crate::limits::HOST_CALL_BYTES;
use crate::state::GuestState;

/// Maximum number of keys of one batch.
const BATCH: usize = 256;

/// Why a run without a space is denied.
const NO_GRANT: &str = "no grant for kv";

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    own::link(registry)?;
    standard::link(registry)
}

/// The answer of the space, and what the call took.
struct Answer<T> {
    result: Result<T, KvError>,
    spent: Spent,
}

/// Bytes of an answer: keys and values.
trait Received {
    fn received(&self) -> u64 {
        0
    }
}

impl Received for () {}
impl Received for bool {}
impl Received for u64 {}
impl Received for i64 {}

impl Received for Option<KvEntry> {
    fn received(&self) -> u64 {
        self.as_ref().map_or(0, |entry| entry.value.len() as u64)
    }
}

impl Received for KvPage {
    fn received(&self) -> u64 {
        self.keys.iter().map(|key| key.len() as u64).fold(0, u64::saturating_add)
    }
}

impl<T: Received> Received for Vec<T> {
    fn received(&self) -> u64 {
        self.iter().map(T::received).fold(0, u64::saturating_add)
    }
}

impl<T: Received> Answer<T> {
    /// Records what the call took, and why it was denied.
    fn record(self, state: &mut GuestState) -> Result<T, KvError> {
        let received = self.result.as_ref().map_or(0, T::received);
        state.spend(Capability::Kv, Spent { received, ..self.spent });
        if let Err(KvError::Denied { reason }) = &self.result {
            state.deny(Capability::Kv, "", DenialKind::NoGrant, reason);
        }
        self.result
    }
}

/// Ends a call of the guest with the answer, in the types of its interface.
fn ended<T, R, E>(
    convert: fn(T) -> R,
) -> impl Fn(&mut GuestState, Answer<T>) -> wasmtime::Result<(Result<R, E>,)> + Send + Sync + Clone + 'static
where
    T: Received + 'static,
    R: 'static,
    E: From<KvError> + 'static,
{
    move |state: &mut GuestState, answer: Answer<T>| Ok((answer.record(state).map(convert).map_err(E::from),))
}

/// Starts a call of the space that the run is granted. `sent` are the bytes of key and value.
fn ask<T, F, A>(
    state: &mut GuestState,
    sent: usize,
    f: A,
) -> impl Future<Output = Answer<T>> + Send + use<T, F, A>
where
    A: FnOnce(Arc<dyn Kv>, HostCall) -> F + Send + 'static,
    F: Future<Output = Result<T, KvError>> + Send + 'static,
    T: Send + 'static,
{
    // Before the call, so that one that the run does not outlive is in its usage.
    state.spend(Capability::Kv, Spent { calls: 1, sent: sent as u64, ..Spent::default() });
    let (kv, call) = (state.granted.kv.clone(), HostCall::of(state));
    async move {
        let begun = Instant::now();
        let result = match kv {
            Some(kv) => f(kv, call).await,
            None => Err(KvError::Denied { reason: NO_GRANT.into() }),
        };
        Answer { result, spent: Spent { wait: begun.elapsed(), ..Spent::default() } }
    }
}

fn get(state: &mut GuestState, key: String) -> impl Future<Output = Answer<Option<KvEntry>>> + Send + use<> {
    ask(state, key.len(), |kv, call| async move { kv.get(&call, &key).await })
}

fn set(
    state: &mut GuestState,
    key: String,
    value: Vec<u8>,
    expected: Expected,
) -> impl Future<Output = Answer<u64>> + Send + use<> {
    let sent = key.len().saturating_add(value.len());
    ask(state, sent, move |kv, call| async move { kv.set(&call, &key, value, expected).await })
}

fn delete(
    state: &mut GuestState,
    key: String,
    expected: Expected,
) -> impl Future<Output = Answer<bool>> + Send + use<> {
    ask(state, key.len(), move |kv, call| async move { kv.delete(&call, &key, expected).await })
}

fn increment(
    state: &mut GuestState,
    key: String,
    delta: i64,
) -> impl Future<Output = Answer<i64>> + Send + use<> {
    ask(state, key.len(), move |kv, call| async move { kv.increment(&call, &key, delta).await })
}

fn list(
    state: &mut GuestState,
    prefix: String,
    after: Option<String>,
    limit: u32,
) -> impl Future<Output = Answer<KvPage>> + Send + use<> {
    ask(
        state,
        prefix.len(),
        move |kv, call| async move { kv.list(&call, &prefix, after.as_deref(), limit).await },
    )
}

/// One operation of a batch.
type Operation<K, T> = for<'a> fn(&'a dyn Kv, &'a HostCall, K) -> Wait<'a, Result<T, KvError>>;

/// Starts an operation for each item at once. Each counts as a call; the first error of the list is the answer.
fn batch<K, T>(
    state: &mut GuestState,
    items: Vec<K>,
    sent: fn(&K) -> usize,
    operation: Operation<K, T>,
) -> impl Future<Output = Answer<Vec<T>>> + Send + use<K, T>
where
    K: Send + 'static,
    T: Received + Send + 'static,
{
    let fits = items.len() <= BATCH;
    if fits {
        let sent = items.iter().map(|item| sent(item) as u64).fold(0, u64::saturating_add);
        state.spend(Capability::Kv, Spent { calls: items.len() as u64, sent, ..Spent::default() });
    }
    let (kv, call) = (state.granted.kv.clone(), HostCall::of(state));
    async move {
        const FULL: &str = "the values of one call are more than 1 MiB; get fewer keys at once";
        let begun = Instant::now();
        let result = match &kv {
            _ if !fits => Err(KvError::Limit(format!("a call takes at most {BATCH} keys"))),
            None => Err(KvError::Denied { reason: NO_GRANT.into() }),
            Some(kv) => {
                // Until its last answer is there, the host holds all of them.
                let (room, full) = (AtomicU64::new(HOST_CALL_BYTES), AtomicBool::new(false));
                let (kv, call, room, full) = (&**kv, &call, &room, &full);
                let one = move |item| async move {
                    // A value too many ends the call, so that no further ones are read in vain.
                    if full.load(Ordering::Relaxed) {
                        return Err(KvError::Limit(FULL.into()));
                    }
                    let answer = operation(kv, call, item).await?;
                    if take(room, answer.received()) {
                        return Ok(answer);
                    }
                    full.store(true, Ordering::Relaxed);
                    Err(KvError::Limit(FULL.into()))
                };
                join(items.into_iter().map(one).collect()).await.into_iter().collect()
            }
        };
        Answer { result, spent: Spent { wait: begun.elapsed(), ..Spent::default() } }
    }
}
