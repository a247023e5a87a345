//! Keeps the catalog as the store is: looks at it every so often, and at once when this server has changed it.
//!
//! Skills are loaded in turns between their owners, those whose code is at hand apart from those that are compiled: an
//! owner whose skills are slow delays its own.

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

/// How often the store is looked at: within this a change by another process is seen.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Skills whose code is at hand that are loaded at once.
const LOADS: usize = 4;

/// Skills that are compiled at once for the catalog. The compiler has a queue of its own, in which submissions wait.
const COMPILES: usize = 2;

/// Keeps a catalog.
#[derive(Debug)]
pub(crate) struct Librarian {
    shelf: Arc<Shelf>,
    /// Held through a look, so that looks do not overtake each other. No call takes it.
    seen: Mutex<Seen>,
}

/// What loading a skill needs.
#[derive(Debug)]
struct Shelf {
    library: Library,
    metrics: Arc<Metrics>,
    config: Arc<ArcSwap<Config>>,
    catalog: ArcSwap<Catalog>,
    /// Looks that were begun; see [`Librarian::look`].
    begun: AtomicU64,
    /// Counts every change of what can be called.
    changes: watch::Sender<u64>,
    /// Turns at loading a skill whose code is at hand.
    quick: Turns,
    /// Turns at compiling one.
    slow: Turns,
    /// Versions that are not current.
    versions: Versions,
    /// For lists.
    revoked: RevokedNow,
    /// What is loaded, by digest: equal bytes are loaded once, under however many names.
    alike: Short<HashMap<Digest, Weak<Ready>>>,
    /// Held while a skill is put into the catalog or unloaded, so that two do not take the same room, and while the catalog
    /// is made anew of the one before.
    placing: Short<()>,
}

#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    revoked: HashSet<Digest>,
    loading: HashSet<(Name, Version)>,
    /// Those of them whose code is at hand.
    quick: HashSet<(Name, Version)>,
    running: JoinSet<(Name, Version)>,
    /// Whether the store was looked at.
    looked: bool,
    /// Whether all that the first look found and whose code is at hand is loaded, or cannot be.
    complete: bool,
    /// Why the store could not be read the last time.
    failed: Option<String>,
    /// The number of the last look that ended.
    done: u64,
}

/// What a look at the store gave.
struct Read {
    /// None if what changes now could bear the same.
    stamp: Option<Stamp>,
    records: Vec<Record>,
    revoked: HashSet<Digest>,
    /// What was said of revocations of what the records have.
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

    /// The catalog as it is now.
    pub(crate) fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.shelf.catalog.load()
    }

    /// What is revoked by now, by one look at a directory: the catalog may be half a second older. Where the store cannot be
    /// seen, the catalog is all that is known; no run begins meanwhile.
    pub(crate) fn revoked(&self) -> Arc<HashSet<Digest>> {
        let store = self.shelf.library.store();
        store.and_then(|store| self.shelf.revoked.of(store).ok()).unwrap_or_default()
    }

    /// Why a digest is revoked, as far as that was said and can be read.
    pub(crate) fn reason(&self, digest: Digest) -> Option<String> {
        self.shelf.library.store()?.revocation(digest)?.reason
    }

    /// Tells of every change of what can be called.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shelf.changes.subscribe()
    }

    /// Says that something that decides what is shown has changed.
    pub(crate) fn changed(&self) {
        self.shelf.changed();
    }

    /// Whether what was there at the start can be called, and the store can be read. Skills that are being compiled keep
    /// nobody waiting but those that call them.
    pub(crate) async fn is_ready(&self) -> Result<(), String> {
        let mut seen = self.seen.lock().await;
        reap(&mut seen);
        match &seen.failed {
            Some(reason) => Err(reason.clone()),
            None if !seen.complete => Err("skills are being loaded".to_owned()),
            None => Ok(()),
        }
    }

    /// Waits until [`Librarian::is_ready`].
    pub(crate) async fn ready(&self) {
        while self.is_ready().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Looks at the store, and again as often as it may have changed; and ends runs that a revocation ends. Never ends.
    pub(crate) async fn watch(&self) {
        let looks = async {
            loop {
                self.look().await;
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::join!(looks, self.shelf.library.watch_revocations());
    }

    /// Looks at the store. What was removed or revoked is gone when this returns; what came is being loaded. Of many who
    /// ask at the same time one looks: a look that began after it was asked for is as good.
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
                        "the store cannot be read; what was loaded goes on"
                    );
                }
                seen.failed = Some("the store cannot be read".to_owned());
                return;
            }
        }
        if seen.failed.take().is_some() {
            tracing::info!("the store can be read again");
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

    /// Reads what there is, unless nothing has changed.
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
                        tracing::error!(skill = %listed.name, error = error.to_string().as_str(), "a record cannot be read");
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

    /// Makes the catalog what was read.
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

    /// Loads a version, and then makes it what its name stands for, if it still is to be.
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
            if loaded.as_ref().is_ok_and(|(loaded, _)| matches!(loaded.origin, Origin::Compiled { .. })) {
                shelf.metrics.compiles.inc();
            }
            let ready = loaded.map(|(loaded, _)| shelf.ready(&name, &owner, version.clone(), loaded.skill));
            shelf.place(&name, &owner, &version, ready);
            (name, version)
        });
    }

    /// Takes note of a call, by which what is called stays loaded longer.
    pub(crate) fn is_called(&self, ready: &Ready) {
        let now = self.shelf.begun.load(Ordering::Relaxed);
        // Most calls write nothing.
        if ready.last.load(Ordering::Relaxed) != now {
            ready.last.store(now, Ordering::Relaxed);
        }
    }

    /// Has a skill loaded again that was unloaded for want of room.
    pub(crate) async fn wake(&self, name: &Name) {
        if self.shelf.wake(name) {
            self.look().await;
        }
    }

    /// Bytes of the code of all loaded skills.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.shelf.code_bytes()
    }

    /// Loads what a call asks for before whatever else its owner has.
    pub(crate) fn hurry(&self, entry: &Entry) {
        let (owner, name) = (entry.record.owner.as_str(), entry.record.name.as_str());
        self.shelf.quick.hurry(owner, name);
        self.shelf.slow.hurry(owner, name);
    }

    /// A version that is not current, loaded now unless somebody asked for it before. It is loaded in the caller's turn
    /// and stays in the caller's account, also if the caller does not wait for as long as that takes.
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

    /// Loads no more.
    pub(crate) async fn stop(&self) {
        self.seen.lock().await.running.shutdown().await;
    }

    /// Waits until everything that is being loaded is, or cannot be. Looks wait meanwhile.
    pub(crate) async fn loaded(&self) {
        let mut seen = self.seen.lock().await;
        while let Some(done) = seen.running.join_next().await {
            ended(&mut seen, done.ok());
        }
        reap(&mut seen);
    }

    /// Waits until what a name stands for is loaded or cannot be, for a time.
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

    /// The store's tokens as they are now.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let library = self.shelf.library.clone();
        blocking(move || store(&library)?.tokens()).await
    }
}

impl Shelf {
    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A skill that was loaded, under a name; what is loaded already of the same bytes is shared.
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

    /// Makes a version what its name stands for, if it still is to be and its owner has room for it.
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
        let (loaded, _) = self.library.load(&reference, |_| {}).await?;
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

    /// Gives back the code of skills that nobody has under any name.
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

/// What an owner has no room for. It is tried again after a while.
fn no_room(entry: &Entry, ready: &Ready, reason: String) -> Current {
    let (version, digest) = (ready.version.clone(), ready.digest);
    tracing::warn!(skill = %entry.record.name, version = %version, owner = %ready.owner, reason = reason.as_str(), "a skill is not loaded");
    Current::Broken { version, digest, code: "skill-memory-full", reason, failed: Some(Instant::now()) }
}

/// What cannot be loaded. A fault of this machine's may pass, so that is tried again after a while.
fn broken(entry: &Entry, version: &Version, error: &StoreError) -> Current {
    tracing::error!(skill = %entry.record.name, version = %version, error = error.to_string().as_str(), "a skill cannot be loaded");
    let reason = match error.fault() {
        Fault::Host => "the server failed to load it; its log says why".to_owned(),
        Fault::Author | Fault::Caller | Fault::Load => error.to_string(),
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

/// Takes note of what was loaded meanwhile.
fn reap(seen: &mut Seen) {
    while let Some(done) = seen.running.try_join_next() {
        ended(seen, done.ok());
    }
    seen.complete |= seen.looked && seen.quick.is_empty();
}

/// Takes note of a load that ended; of none after a panic while loading: nothing says of what, so all may be tried again.
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
    library.store().ok_or_else(|| StoreError::WithoutStore { reason: "a server needs one".to_owned() })
}

/// Does what waits for the disk on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            let source = std::io::Error::other(error);
            Err(StoreError::Io { action: "working in the store".to_owned(), source })
        }
    }
}
