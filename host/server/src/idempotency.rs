//! The first report of a call is kept under its idempotency key, for as long and as much as is configured, so that the
//! same call made again gives the same report and no second run.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringfence::Digest;
use tokio::sync::OnceCell;

use crate::error::ServeError;

/// Bytes that an entry takes beside its report, about.
const ENTRY: u64 = 512;

/// Longest key, in bytes.
pub(crate) const LONGEST: usize = 255;

/// Reports by principal and key.
#[derive(Debug)]
pub(crate) struct Reports {
    keep: Duration,
    size: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with the bytes that it counts for.
    entries: HashMap<Key, (Arc<Entry>, u64)>,
    /// The oldest first.
    order: VecDeque<(Instant, Key)>,
    bytes: u64,
}

type Key = (Arc<str>, String);

#[derive(Debug)]
struct Entry {
    /// What the request was, so that another one under the same key is told apart.
    request: Digest,
    /// Filled by the first call that comes to a report; the others wait for it.
    report: OnceCell<Bytes>,
}

impl Reports {
    pub(crate) fn new(keep: Duration, size: u64) -> Self {
        Self { keep, size, kept: Mutex::default() }
    }

    /// The report under a key: the one that is kept, or that of `run`; and whether it was kept. What is no report is
    /// not kept, and neither is that of a caller who went away: then the next one runs.
    pub(crate) async fn once<F>(
        &self,
        principal: &Arc<str>,
        key: String,
        request: Digest,
        run: impl FnOnce() -> F,
    ) -> Result<(Bytes, bool), ServeError>
    where
        F: Future<Output = Result<Bytes, ServeError>>,
    {
        let key = (Arc::clone(principal), key);
        let entry = self.entry(&key, request)?;
        let mut ran = false;
        let report = entry.report.get_or_try_init(|| async {
            ran = true;
            run().await
        });
        let report = match report.await {
            Ok(report) => report.clone(),
            Err(error) => {
                self.forget(&key, &entry);
                return Err(error);
            }
        };
        if ran {
            self.weigh(&key, &entry, report.len() as u64);
        }
        Ok((report, !ran))
    }

    fn entry(&self, key: &Key, request: Digest) -> Result<Arc<Entry>, ServeError> {
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.expire(now, self.keep);
        if let Some((entry, _)) = kept.entries.get(key) {
            return if entry.request == request { Ok(Arc::clone(entry)) } else { Err(ServeError::KeyReused) };
        }
        let entry = Arc::new(Entry { request, report: OnceCell::new() });
        kept.entries.insert(key.clone(), (Arc::clone(&entry), ENTRY));
        kept.order.push_back((now, key.clone()));
        kept.bytes = kept.bytes.saturating_add(ENTRY);
        kept.shrink(self.size);
        Ok(entry)
    }

    /// Frees a key under which there is no report, unless somebody else is about to have one.
    fn forget(&self, key: &Key, entry: &Arc<Entry>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.entries.get(key).is_some_and(|(known, _)| Arc::ptr_eq(known, entry));
        // Two hold it when nobody waits: the map and this call.
        if known && entry.report.get().is_none() && Arc::strong_count(entry) <= 2 {
            kept.entries.remove(key);
            kept.order.retain(|(_, known)| known != key);
            kept.bytes = kept.bytes.saturating_sub(ENTRY);
        }
    }

    /// Counts a report that came to an entry, if that is still kept.
    fn weigh(&self, key: &Key, entry: &Arc<Entry>, bytes: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, weight)) = kept.entries.get_mut(key).filter(|(known, _)| Arc::ptr_eq(known, entry)) {
            *weight = weight.saturating_add(bytes);
            kept.bytes = kept.bytes.saturating_add(bytes);
            kept.shrink(self.size);
        }
    }
}

impl Kept {
    fn expire(&mut self, now: Instant, keep: Duration) {
        while self.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= keep) {
            self.drop_oldest();
        }
    }

    fn shrink(&mut self, size: u64) {
        while self.bytes > size && !self.order.is_empty() {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, key)) = self.order.pop_front() else { return };
        if let Some((_, weight)) = self.entries.remove(&key) {
            self.bytes = self.bytes.saturating_sub(weight);
        }
    }
}
