//! Keeps the catalog up to date with the store. It polls the store regularly, and at once after a change by this
//! server.
//!
//! Owners take turns at loading skills, separately for skills with cached code and skills to compile. So an owner
//! with slow skills delays only its own.

mod changes;
mod room;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Short, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ringfence::{Digest, Fault, Skill};
use ringfence_store::{
    Library, Name, Origin, Owner, Record, Reference, Revocation, RevokedNow, Stamp, Store, StoreError, Token,
    Turns, Version,
};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::catalog::{Catalog, Current, Entry, Ready, Reasons, next};
use crate::config::Config;
use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::principal::Principal;
use crate::versions::{Key, Versions};

/// Interval of polls, within which the server sees a change by another process.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Maximum number of skills with cached code that load at once.
const LOADS: usize = 4;

/// Maximum number of concurrent compilations for the catalog. Submissions wait in the compiler's own queue.
const COMPILES: usize = 2;

/// The librarian, which keeps a catalog.
#[derive(Debug)]
pub(crate) struct Librarian {
    shelf: Arc<Shelf>,
    /// Locked during a poll, so that polls run one after the other. No call locks it.
    seen: Mutex<Seen>,
}

/// The state that loading a skill needs.
#[derive(Debug)]
struct Shelf {
    library: Library,
    metrics: Arc<Metrics>,
    config: Arc<ArcSwap<Config>>,
    catalog: ArcSwap<Catalog>,
    /// Number of polls begun; see [`Librarian::look`].
    begun: AtomicU64,
    /// Counts the changes of callable skills.
    changes: watch::Sender<u64>,
    /// Turns at loading skills with cached code.
    quick: Turns,
    /// Turns at compiling skills.
    slow: Turns,
    /// Versions that are not current.
    versions: Versions,
    /// The current revocations, for lists.
    revoked: RevokedNow,
    /// Loaded skills by digest. Equal bytes load once, under any number of names.
    alike: Short<HashMap<Digest, Weak<Ready>>>,
    /// Locked while a skill enters the catalog or is unloaded, so that two do not take the same memory. Also locked
    /// while a poll replaces the catalog.
    placing: Short<()>,
}

#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    revoked: HashSet<Digest>,
    loading: HashSet<(Name, Version)>,
    /// Those of them with cached code.
    quick: HashSet<(Name, Version)>,
    running: JoinSet<(Name, Version)>,
    /// Whether the store was polled.
    looked: bool,
    /// Whether every skill of the first poll with cached code is loaded or has failed to load.
    complete: bool,
    /// Why the last poll could not read the store.
    failed: Option<String>,
    /// The number of the last poll that ended.
    done: u64,
}

/// The result of a poll.
struct Read {
    /// The time of the state; none if a change now could have the same time.
    stamp: Option<Stamp>,
    records: Vec<Record>,
    revoked: HashSet<Digest>,
    /// The revocations of digests in the records.
    said: HashMap<Digest, Revocation>,
}

impl Librarian {
    pub(crate) fn new(library: Library, metrics: &Arc<Metrics>, config: &Arc<ArcSwap<Config>>) -> Self {
        let shelf = Shelf {
            library,
            metrics: Arc::clone(metrics),
            config: Arc::clone(config),
            catalog: ArcSwap::default(),
            begun: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            quick: Turns::new(LOADS),
            slow: Turns::new(COMPILES),
            versions: Versions::default(),
            revoked: RevokedNow::default(),
            alike: Short::default(),
            placing: Short::default(),
        };
        Self { shelf: Arc::new(shelf), seen: Mutex::default() }
    }

    /// Returns the current catalog.
    pub(crate) fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.shelf.catalog.load()
    }

    /// Returns the current revocations, with one check of a directory. The catalog may be half a second older.
    ///
    /// Returns an empty set if the store cannot be read; no run begins meanwhile.
    pub(crate) fn revoked(&self) -> Arc<HashSet<Digest>> {
        let store = self.shelf.library.store();
        store.and_then(|store| self.shelf.revoked.of(store).ok()).unwrap_or_default()
    }

    /// Returns the reason of a revocation, if stated and readable.
    pub(crate) fn reason(&self, digest: Digest) -> Option<String> {
        self.shelf.library.store()?.revocation(digest)?.reason
    }

    /// Subscribes to changes of callable skills.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shelf.changes.subscribe()
    }

    /// Announces a change of what callers see.
    pub(crate) fn changed(&self) {
        self.shelf.changed();
    }

    /// Returns whether the initial skills can be called and the store can be read, or why not.
    ///
    /// Skills that still compile do not count; only their callers wait for them.
    pub(crate) async fn is_ready(&self) -> Result<(), String> {
        let mut seen = self.seen.lock().await;
        reap(&mut seen);
        match &seen.failed {
            Some(reason) => Err(reason.clone()),
            None if !seen.complete => Err("the server is loading skills".to_owned()),
            None => Ok(()),
        }
    }

    /// Waits until [`Librarian::is_ready`].
    pub(crate) async fn ready(&self) {
        while self.is_ready().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Polls the store repeatedly, and ends runs of revoked skills. Never returns.
    pub(crate) async fn watch(&self) {
        let looks = async {
            loop {
                self.look().await;
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::join!(looks, self.shelf.library.watch_revocations());
    }

    /// Polls the store. When it returns, removed and revoked skills are gone, and new ones load.
    ///
    /// Of concurrent calls one polls. A poll that began after a call serves that call, too.
    pub(crate) async fn look(&self) {
        let asked = self.shelf.begun.load(Ordering::Acquire);
        let mut seen = self.seen.lock().await;
        if seen.done > asked {
            return;
        }
        let begun = self.shelf.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        self.look_now(&mut seen).await;
        seen.done = begun;
    }

    async fn look_now(&self, seen: &mut Seen) {
        reap(seen);
        let before = seen.stamp;
        match self.read(before).await {
            Ok(None) => {}
            Ok(Some(read)) => {
                seen.stamp = read.stamp;
                self.take(read, seen);
            }
            Err(error) => {
                if seen.failed.is_none() {
                    tracing::error!(
                        error = error.to_string().as_str(),
                        "cannot read the store; loaded skills keep running"
                    );
                }
                seen.failed = Some("the server cannot read the store".to_owned());
                return;
            }
        }
        if seen.failed.take().is_some() {
            tracing::info!("the store is readable again");
        }
        seen.looked = true;
        // What could not be loaded, or was not wanted any more when it was, may be now.
        let catalog = self.shelf.catalog.load_full();
        let wanted = catalog.names.values().filter_map(|entry| {
            let version = entry.to_load()?;
            let digest = *entry.allowed.get(&version)?;
            let is_new = !seen.loading.contains(&(entry.record.name.clone(), version.clone()));
            is_new.then_some((entry, version, digest))
        });
        let wanted: Vec<_> = wanted.collect();
        if !wanted.is_empty() {
            let digests = wanted.iter().map(|(_, _, digest)| *digest).collect();
            // What cannot be seen is found out when it is loaded.
            let compiled = self.shelf.library.are_compiled(digests).await.unwrap_or_default();
            for (at, (entry, version, _)) in wanted.into_iter().enumerate() {
                let is_quick = compiled.get(at).copied().unwrap_or(false);
                self.load(entry, version, is_quick, seen);
            }
        }
        reap(seen);
        self.shelf.fit();
        self.shelf.forget_what_is_gone();
    }

    /// Reads the store, unless nothing has changed.
    async fn read(&self, before: Option<Stamp>) -> Result<Option<Read>, StoreError> {
        let library = self.shelf.library.clone();
        let read = move || -> Result<Option<Read>, StoreError> {
            let store = store(&library)?;
            // Before what it stands for: what changes meanwhile is read again.
            let stamp = store.stamp()?;
            if before == Some(stamp) {
                return Ok(None);
            }
            let stamp = (!stamp.is_young()).then_some(stamp);
            let mut records = Vec::new();
            for listed in store.list()? {
                match listed.record {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        tracing::error!(skill = %listed.name, error = error.to_string().as_str(), "cannot read the record of a skill");
                    }
                }
            }
            let revoked = store.revoked()?;
            // Of what is nowhere in the store nobody asks why.
            let of_records = records.iter().flat_map(|record| &record.versions).map(|entry| entry.digest);
            let known: HashSet<Digest> = of_records.filter(|digest| revoked.contains(digest)).collect();
            let said = known.into_iter().filter_map(|digest| Some((digest, store.revocation(digest)?)));
            let said = said.collect();
            Ok(Some(Read { stamp, records, revoked, said }))
        };
        blocking(read).await
    }

    /// Updates the catalog from the result of a poll.
    fn take(&self, read: Read, seen: &mut Seen) {
        let placing = self.shelf.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.shelf.catalog.load_full();
        let mut catalog = Catalog::default();
        let mut changed: Vec<Arc<Entry>> = Vec::new();
        for record in read.records {
            let may_run =
                record.versions.iter().filter(|entry| !entry.held && !read.revoked.contains(&entry.digest));
            let allowed: HashMap<Version, Digest> =
                may_run.map(|entry| (entry.version.clone(), entry.digest)).collect();
            let digests = record.versions.iter().map(|entry| entry.digest);
            let of_record = digests.filter(|digest| read.revoked.contains(digest));
            let reason = |digest| read.said.get(&digest).and_then(|said: &Revocation| said.reason.clone());
            let revoked: Reasons = of_record.map(|digest| (digest, reason(digest))).collect();
            let name = record.name.clone();
            let known = before.names.get(&name);
            let same = |known: &&Arc<Entry>| {
                known.record == record && known.allowed == allowed && known.revoked == revoked
            };
            let entry = match known.filter(same) {
                Some(known) => Arc::clone(known),
                None => {
                    if seen.looked {
                        changes::log(known.map(|known| &known.record), &record);
                    }
                    let entry = Arc::new(next(record, allowed, revoked, known.map(Arc::as_ref)));
                    changed.push(Arc::clone(&entry));
                    entry
                }
            };
            catalog.names.insert(name, entry);
        }
        if seen.looked {
            changes::log_revoked(
                &seen.revoked,
                &read.revoked,
                &read.said,
                catalog.names.values().map(|entry| &entry.record),
            );
        }
        seen.revoked = read.revoked;
        let gone = before.names.iter().filter(|(name, _)| !catalog.names.contains_key(*name));
        let gone: Vec<&Arc<Entry>> = gone.map(|(_, entry)| entry).collect();
        if !gone.is_empty() {
            gone.iter().for_each(|entry| changes::log_removed(&entry.record));
            self.shelf.metrics.by_skill.keep(|name| catalog.names.contains_key(name));
        }
        if gone.is_empty() && changed.is_empty() {
            self.shelf.catalog.store(Arc::new(catalog));
            return;
        }
        self.shelf.versions.keep(|key| {
            let entry = catalog.names.get(&key.name).filter(|entry| entry.record.owner == key.owner);
            entry.is_some_and(|entry| entry.allowed.get(&key.version) == Some(&key.digest))
        });
        self.shelf.catalog.store(Arc::new(catalog));
        drop(placing);
        for entry in gone.into_iter().chain(&changed) {
            entry.settled.notify_waiters();
        }
        self.changed();
    }

    /// Loads a version, and then makes it current if that is still wanted.
    fn load(&self, entry: &Arc<Entry>, version: Version, is_quick: bool, seen: &mut Seen) {
        let name = entry.record.name.clone();
        let key = (name.clone(), version.clone());
        if !seen.loading.insert(key.clone()) {
            return;
        }
        if is_quick {
            seen.quick.insert(key);
        }
        let (shelf, owner) = (Arc::clone(&self.shelf), entry.record.owner.clone());
        seen.running.spawn(async move {
            let turns = if is_quick { &shelf.quick } else { &shelf.slow };
            let turn = turns.wait(owner.as_str(), name.as_str()).await;
            let reference = Reference::Version(name.clone(), version.clone());
            let loaded = shelf.library.load(&reference, |_| {}).await;
            drop(turn);
            if loaded.as_ref().is_ok_and(|loaded| matches!(loaded.origin, Origin::Compiled { .. })) {
                shelf.metrics.compiles.inc();
            }
            let ready = loaded.map(|loaded| shelf.ready(&name, &owner, version.clone(), loaded.skill));
            shelf.place(&name, &owner, &version, ready);
            (name, version)
        });
    }

    /// Records a call, so that the called skill stays loaded longer.
    pub(crate) fn is_called(&self, ready: &Ready) {
        let now = self.shelf.begun.load(Ordering::Relaxed);
        // Most calls write nothing.
        if ready.last.load(Ordering::Relaxed) != now {
            ready.last.store(now, Ordering::Relaxed);
        }
    }

    /// Loads a skill again that was unloaded to free memory.
    pub(crate) async fn wake(&self, name: &Name) {
        if self.shelf.wake(name) {
            self.look().await;
        }
    }

    /// Returns the bytes of code of all loaded skills.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.shelf.code_bytes()
    }

    /// Loads a called skill before its owner's other skills.
    pub(crate) fn hurry(&self, entry: &Entry) {
        let (owner, name) = (entry.record.owner.as_str(), entry.record.name.as_str());
        self.shelf.quick.hurry(owner, name);
        self.shelf.slow.hurry(owner, name);
    }

    /// Returns a version that is not current, and loads it first if needed.
    ///
    /// It loads in the caller's turn and stays in the caller's account, even if the caller stops waiting.
    pub(crate) async fn version(
        &self,
        entry: &Arc<Entry>,
        (version, digest): (Version, Digest),
        principal: &Arc<Principal>,
        patience: Duration,
    ) -> Result<Arc<Ready>, ServeError> {
        let (name, owner) = (entry.record.name.clone(), entry.record.owner.clone());
        let key = Key { name: name.clone(), owner, version, digest };
        let cell = self.shelf.versions.cell(&key, principal.share_key(), principal.account.old_versions());
        if let Some(ready) = cell.get() {
            return Ok(Arc::clone(ready));
        }
        let place = principal.account.wait()?;
        let (shelf, principal) = (Arc::clone(&self.shelf), Arc::clone(principal));
        let load = tokio::spawn(async move {
            let _place = place;
            cell.get_or_try_init(|| shelf.load_version(&key, &principal)).await.map(Arc::clone)
        });
        match tokio::time::timeout(patience, load).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) | Err(_) => Err(ServeError::Loading { name }),
        }
    }

    /// Stops loading.
    pub(crate) async fn stop(&self) {
        self.seen.lock().await.running.shutdown().await;
    }

    /// Waits until every load has ended. Polls wait meanwhile.
    pub(crate) async fn loaded(&self) {
        let mut seen = self.seen.lock().await;
        while let Some(done) = seen.running.join_next().await {
            ended(&mut seen, done.ok());
        }
        reap(&mut seen);
    }

    /// Waits until the load of a name has ended, at most for this time.
    pub(crate) async fn settle(&self, name: &Name, patience: Duration) {
        let settled = async {
            loop {
                let Some(entry) = self.catalog().names.get(name).cloned() else { return };
                let mut settled = std::pin::pin!(entry.settled.notified());
                // Before it is looked at, so that no change comes in between.
                settled.as_mut().enable();
                let unchanged = self.catalog().names.get(name).is_some_and(|now| Arc::ptr_eq(now, &entry));
                if unchanged && entry.to_load().is_none() {
                    return;
                }
                if unchanged {
                    settled.await;
                }
            }
        };
        let _ = tokio::time::timeout(patience, settled).await;
    }

    /// Reads the owners, tokens and skills of the store.
    pub(crate) async fn known(&self) -> Result<crate::config::KnownNames, StoreError> {
        let library = self.shelf.library.clone();
        blocking(move || crate::config::KnownNames::of(store(&library)?)).await
    }

    /// Reads the tokens of the store.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let library = self.shelf.library.clone();
        blocking(move || store(&library)?.tokens()).await
    }
}

impl Shelf {
    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Creates the entry of a loaded skill, and shares the parts of a loaded skill of equal bytes.
    fn ready(&self, name: &Name, owner: &Owner, version: Version, skill: Skill) -> Arc<Ready> {
        let digest = skill.digest();
        let catalog = self.catalog.load();
        let rested = catalog
            .names
            .get(name)
            .and_then(|entry| entry.known())
            .filter(|known| known.owner == *owner && known.version == version && known.digest == digest);
        let like = {
            let alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
            alike.get(&digest).and_then(Weak::upgrade)
        };
        let ready = match rested {
            Some(known) => Arc::new(Ready { known, skill }),
            None => Ready::new(name, owner, version, skill, like.as_deref(), &self.metrics),
        };
        ready.last.store(self.begun.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        alike.insert(digest, Arc::downgrade(&ready));
        ready
    }

    /// Makes a loaded version current, if that is still wanted and its owner has memory for it.
    fn place(&self, name: &Name, owner: &Owner, version: &Version, ready: Result<Arc<Ready>, StoreError>) {
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have changed while this was loaded: then the next look loads what is wanted then, within half a second.
        let catalog = self.catalog.load();
        let wanted = catalog.names.get(name).filter(|entry| entry.to_load().as_ref() == Some(version));
        let Some(entry) = wanted.filter(|entry| entry.record.owner == *owner) else { return };
        let current = match ready {
            Ok(ready) if entry.allowed.get(version) == Some(&ready.digest) => {
                match self.room(&catalog, &ready).and_then(|()| self.make_room(&catalog, &ready)) {
                    Ok(()) => Current::Ready(ready),
                    Err(reason) => no_room(entry, &ready, reason),
                }
            }
            Ok(_) => Current::Loading,
            Err(error) if error.fault() == Fault::Load => Current::Loading,
            Err(error) => broken(entry, version, &error),
        };
        entry.current.store(Arc::new(current));
        entry.settled.notify_waiters();
        self.changed();
    }

    /// Loads a version for a caller.
    async fn load_version(&self, key: &Key, principal: &Principal) -> Result<Arc<Ready>, ServeError> {
        let compiled = self.library.are_compiled(vec![key.digest]).await?;
        let turns = if compiled.first() == Some(&true) {
            &self.quick
        } else {
            principal.account.compile()?;
            &self.slow
        };
        let turn = turns.wait(principal.share_key(), key.name.as_str()).await;
        let reference = Reference::Version(key.name.clone(), key.version.clone());
        let loaded = self.library.load(&reference, |_| {}).await?;
        drop(turn);
        if matches!(loaded.origin, Origin::Compiled { .. }) {
            self.metrics.compiles.inc();
        }
        // The store may have changed since it was last looked at: then the next look finds it.
        if loaded.skill.digest() != key.digest {
            return Err(ServeError::Loading { name: key.name.clone() });
        }
        let ready = self.ready(&key.name, &key.owner, key.version.clone(), loaded.skill);
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(&self.catalog.load(), &ready).map_err(|reason| ServeError::CannotRun {
            name: key.name.clone(),
            code: "skill-memory-full",
            reason,
        })?;
        Ok(ready)
    }

    /// Drops the code of skills that no name has.
    fn forget_what_is_gone(&self) {
        let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        alike.retain(|digest, ready| {
            let stays = ready.strong_count() > 0;
            if !stays {
                self.library.forget(*digest);
            }
            stays
        });
    }
}

/// Returns the state of a skill without memory for it. It is tried again later.
fn no_room(entry: &Entry, ready: &Ready, reason: String) -> Current {
    let (version, digest) = (ready.version.clone(), ready.digest);
    tracing::warn!(skill = %entry.record.name, version = %version, owner = %ready.owner, reason = reason.as_str(), "a skill is not loaded");
    Current::Broken { version, digest, code: "skill-memory-full", reason, failed: Some(Instant::now()) }
}

/// Returns the state of a skill that failed to load. After a fault of this machine, which may pass, it is tried again
/// later.
fn broken(entry: &Entry, version: &Version, error: &StoreError) -> Current {
    tracing::error!(skill = %entry.record.name, version = %version, error = error.to_string().as_str(), "cannot load a skill");
    let reason = match error.fault() {
        Fault::Author | Fault::Caller | Fault::Load => error.to_string(),
        Fault::Host | _ => "the server failed to load it; the server's log has the details".to_owned(),
    };
    let failed = (error.fault() == Fault::Host).then(Instant::now);
    match entry.allowed.get(version) {
        Some(digest) => {
            let (version, digest) = (version.clone(), *digest);
            Current::Broken { version, digest, code: error.code(), reason, failed }
        }
        None => Current::Nothing,
    }
}

/// Records the loads that have ended.
fn reap(seen: &mut Seen) {
    while let Some(done) = seen.running.try_join_next() {
        ended(seen, done.ok());
    }
    seen.complete |= seen.looked && seen.quick.is_empty();
}

/// Records the end of a load. After a panic its name is unknown, so all loads may be tried again.
fn ended(seen: &mut Seen, done: Option<(Name, Version)>) {
    match done {
        Some(done) => {
            seen.loading.remove(&done);
            seen.quick.remove(&done);
        }
        None => {
            seen.loading.clear();
            seen.quick.clear();
        }
    }
}

fn store(library: &Library) -> Result<&Store, StoreError> {
    library.store().ok_or_else(|| StoreError::WithoutStore { reason: "a server needs a store".to_owned() })
}

/// Runs blocking work on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            let source = std::io::Error::other(error);
            Err(StoreError::Io { action: "running a task of the store".to_owned(), source })
        }
    }
}
