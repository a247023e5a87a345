//! Keeps the first report of a call under its idempotency key. A repeated call returns the same report without a
//! second run.
//!
//! The configuration limits how long and how many reports are kept. They are counted by owner. If memory runs out,
//! the owner with the most bytes loses its oldest report. So an owner within its share loses nothing to others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringfence::Digest;
use tokio::sync::OnceCell;

use crate::error::ServeError;
use crate::principal::Principal;

/// Approximate bytes of an entry beside its report.
const ENTRY: u64 = 512;

/// Maximum bytes of a key.
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
    owners: HashMap<Arc<str>, OfOwner>,
    bytes: u64,
}

/// The kept reports of one owner.
#[derive(Debug, Default)]
struct OfOwner {
    /// Entries, each with the bytes charged for it.
    entries: HashMap<Key, (Arc<Entry>, u64)>,
    /// Keys, oldest first.
    order: VecDeque<(Instant, Key)>,
    bytes: u64,
}

/// A token and its key.
type Key = (Arc<str>, String);

#[derive(Debug)]
struct Entry {
    /// Digest of the request, which reveals another request under the same key.
    request: Digest,
    /// The report, from the first call that ends with one; other calls wait for it.
    report: OnceCell<Bytes>,
}

impl Reports {
    pub(crate) fn new(keep: Duration, size: u64) -> Self {
        Self { keep, size, kept: Mutex::default() }
    }

    /// Returns the report under a key, kept or from `run`, and whether it was kept.
    ///
    /// It keeps no errors, and no report of a caller who disconnected; the next call then runs. A call that waits for
    /// the report of another takes a place of its account.
    pub(crate) async fn once<F>(
        &self,
        principal: &Principal,
        key: String,
        request: Digest,
        run: impl FnOnce() -> F,
    ) -> Result<(Bytes, bool), ServeError>
    where
        F: Future<Output = Result<Bytes, ServeError>>,
    {
        let (owner, key) = (principal.share_key(), (Arc::clone(&principal.id), key));
        let (entry, is_new) = self.entry(owner, &key, request, Instant::now())?;
        let waits = !is_new && entry.report.get().is_none();
        let _place = waits.then(|| principal.account.wait()).transpose()?;
        let mut ran = false;
        let report = entry.report.get_or_try_init(|| async {
            ran = true;
            run().await
        });
        let report = match report.await {
            Ok(report) => report.clone(),
            Err(error) => {
                self.forget(owner, &key, &entry);
                return Err(error);
            }
        };
        if ran {
            self.weigh(owner, &key, &entry, report.len() as u64);
        }
        Ok((report, !ran))
    }

    /// Returns the entry of a key, and whether it is new.
    fn entry(
        &self,
        owner: &Arc<str>,
        key: &Key,
        request: Digest,
        now: Instant,
    ) -> Result<(Arc<Entry>, bool), ServeError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.expire(owner, now, self.keep);
        let own = kept.owners.entry(Arc::clone(owner)).or_default();
        if let Some((entry, _)) = own.entries.get(key) {
            return if entry.request == request {
                Ok((Arc::clone(entry), false))
            } else {
                Err(ServeError::KeyReused)
            };
        }
        let entry = Arc::new(Entry { request, report: OnceCell::new() });
        own.entries.insert(key.clone(), (Arc::clone(&entry), ENTRY));
        own.order.push_back((now, key.clone()));
        own.bytes = own.bytes.saturating_add(ENTRY);
        kept.bytes = kept.bytes.saturating_add(ENTRY);
        kept.shrink(self.size);
        Ok((entry, true))
    }

    /// Frees a key without a report, unless another call is about to fill it.
    fn forget(&self, owner: &Arc<str>, key: &Key, entry: &Arc<Entry>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = kept.owners.get_mut(owner) else { return };
        let known = own.entries.get(key).is_some_and(|(known, _)| Arc::ptr_eq(known, entry));
        // Two hold it when nobody waits: the map and this call.
        if known && entry.report.get().is_none() && Arc::strong_count(entry) <= 2 {
            own.entries.remove(key);
            own.order.retain(|(_, known)| known != key);
            own.bytes = own.bytes.saturating_sub(ENTRY);
            kept.bytes = kept.bytes.saturating_sub(ENTRY);
        }
    }

    /// Charges the report of an entry if the entry is still kept.
    fn weigh(&self, owner: &Arc<str>, key: &Key, entry: &Arc<Entry>, bytes: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = kept.owners.get_mut(owner) else { return };
        if let Some((_, weight)) = own.entries.get_mut(key).filter(|(known, _)| Arc::ptr_eq(known, entry)) {
            *weight = weight.saturating_add(bytes);
            own.bytes = own.bytes.saturating_add(bytes);
            kept.bytes = kept.bytes.saturating_add(bytes);
            kept.shrink(self.size);
        }
    }
}

impl Kept {
    fn expire(&mut self, owner: &Arc<str>, now: Instant, keep: Duration) {
        let is_old = |own: &OfOwner| {
            own.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= keep)
        };
        while self.owners.get(owner).is_some_and(is_old) {
            self.drop_oldest(owner);
        }
    }

    /// Drops the oldest report of the owner with the most bytes, until all fit.
    fn shrink(&mut self, size: u64) {
        while self.bytes > size {
            let most = self.owners.iter().max_by_key(|(_, own)| own.bytes);
            let Some(owner) = most.map(|(owner, _)| Arc::clone(owner)) else { return };
            if !self.drop_oldest(&owner) {
                return;
            }
        }
    }

    /// Drops the oldest report; returns false if there is none.
    fn drop_oldest(&mut self, owner: &Arc<str>) -> bool {
        let Some(own) = self.owners.get_mut(owner) else { return false };
        let Some((_, key)) = own.order.pop_front() else { return false };
        if let Some((_, weight)) = own.entries.remove(&key) {
            own.bytes = own.bytes.saturating_sub(weight);
            self.bytes = self.bytes.saturating_sub(weight);
        }
        if own.order.is_empty() {
            self.owners.remove(owner);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps a report of this many bytes; an entry adds [`ENTRY`] to them.
    fn keep(reports: &Reports, owner: &str, key: &str, bytes: u64, now: Instant) -> Arc<Entry> {
        let (owner, key): (Arc<str>, Key) = (owner.into(), ("token".into(), key.to_owned()));
        let (entry, is_new) = reports.entry(&owner, &key, Digest::of(b""), now).expect("no other request");
        if is_new {
            reports.weigh(&owner, &key, &entry, bytes);
        }
        entry
    }

    #[test]
    fn an_owner_with_few_reports_loses_none_to_an_owner_with_many() {
        let now = Instant::now();
        let reports = Reports::new(Duration::from_secs(60), 10 * (ENTRY + 100));
        let small: Vec<_> = (0..4).map(|n| keep(&reports, "alice", &n.to_string(), 100, now)).collect();
        for n in 0..1_000 {
            keep(&reports, "mallory", &n.to_string(), 100, now);
        }
        for (n, entry) in small.iter().enumerate() {
            assert!(Arc::ptr_eq(entry, &keep(&reports, "alice", &n.to_string(), 100, now)), "{n} is kept");
        }
        let kept = reports.kept.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(kept.bytes, 10 * (ENTRY + 100));
        assert_eq!(kept.owners.get("mallory").map(|own| own.entries.len()), Some(6));
    }

    #[test]
    fn only_old_reports_are_dropped() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let reports = Reports::new(Duration::from_secs(60), 1 << 20);
        let first = keep(&reports, "alice", "a", 1, now);
        assert!(Arc::ptr_eq(&first, &keep(&reports, "alice", "a", 1, after(59))));
        assert!(!Arc::ptr_eq(&first, &keep(&reports, "alice", "a", 1, after(60))));
    }
}
