//! Keeps the catalog as the store is: looks at it every so often, and at once when this server has changed it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ringfence::{Digest, Fault};
use ringfence_store::{Library, Name, Origin, Record, Reference, Stamp, Store, StoreError, Token, Version};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

use crate::catalog::{Catalog, Current, Entry, Ready, next};
use crate::metrics::Metrics;

/// How often the store is looked at: within this a change by another process is seen.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Skills that are loaded at once. Compiling has a limit of its own.
const LOADS: usize = 4;

/// Keeps a catalog.
#[derive(Debug)]
pub(crate) struct Librarian {
    library: Library,
    metrics: Arc<Metrics>,
    catalog: Arc<ArcSwap<Catalog>>,
    /// Counts every change of what can be called.
    changes: Arc<watch::Sender<u64>>,
    loads: Arc<Semaphore>,
    /// Held through a look, so that looks do not overtake each other. No call takes it.
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    loading: HashSet<(Name, Version)>,
    running: JoinSet<(Name, Version)>,
    /// Whether the store was looked at.
    looked: bool,
    /// Whether all that the first look found is loaded, or cannot be.
    complete: bool,
    /// Why the store could not be read the last time.
    failed: Option<String>,
}

/// What a look at the store gave.
struct Read {
    /// None if what changes now could bear the same.
    stamp: Option<Stamp>,
    records: Vec<Record>,
    revoked: HashSet<Digest>,
}

impl Librarian {
    pub(crate) fn new(library: Library, metrics: &Arc<Metrics>) -> Self {
        Self {
            library,
            metrics: Arc::clone(metrics),
            catalog: Arc::default(),
            changes: Arc::new(watch::Sender::new(0)),
            loads: Arc::new(Semaphore::new(LOADS)),
            seen: Mutex::default(),
        }
    }

    /// The catalog as it is now.
    pub(crate) fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.catalog.load()
    }

    /// Tells of every change of what can be called.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Says that something that decides what is shown has changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether everything that was there at the start is loaded, and the store can be read.
    pub(crate) async fn is_ready(&self) -> Result<(), String> {
        let mut seen = self.seen.lock().await;
        reap(&mut seen);
        match &seen.failed {
            Some(reason) => Err(reason.clone()),
            None if !seen.complete => Err("skills are being loaded".to_owned()),
            None => Ok(()),
        }
    }

    /// Looks at the store, and again as often as it may have changed. Never ends.
    pub(crate) async fn watch(&self) {
        loop {
            self.look().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks at the store once. What was removed or revoked is gone when this returns; what came is being loaded.
    pub(crate) async fn look(&self) {
        let mut seen = self.seen.lock().await;
        reap(&mut seen);
        let before = seen.stamp;
        match self.read(before).await {
            Ok(None) => {}
            Ok(Some(read)) => {
                seen.stamp = read.stamp;
                self.take(read);
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
        let catalog = self.catalog.load_full();
        for entry in catalog.names.values() {
            if let Some(version) = entry.to_load() {
                self.load(entry, version, &mut seen);
            }
        }
        reap(&mut seen);
    }

    /// Reads what there is, unless nothing has changed.
    async fn read(&self, before: Option<Stamp>) -> Result<Option<Read>, StoreError> {
        let library = self.library.clone();
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
            Ok(Some(Read { stamp, records, revoked: store.revoked()? }))
        };
        blocking(read).await
    }

    /// Makes the catalog what was read.
    fn take(&self, read: Read) {
        let before = self.catalog.load_full();
        let mut catalog = Catalog::default();
        let mut changed = false;
        for record in read.records {
            let may_run =
                record.versions.iter().filter(|entry| !entry.held && !read.revoked.contains(&entry.digest));
            let allowed: HashMap<Version, Digest> =
                may_run.map(|entry| (entry.version.clone(), entry.digest)).collect();
            let name = record.name.clone();
            let known = before.names.get(&name);
            let entry = match known.filter(|known| known.record == record && known.allowed == allowed) {
                Some(known) => Arc::clone(known),
                None => {
                    changed = true;
                    Arc::new(next(record, allowed, known.map(Arc::as_ref)))
                }
            };
            catalog.names.insert(name, entry);
        }
        changed |= before.names.keys().any(|name| !catalog.names.contains_key(name));
        self.catalog.store(Arc::new(catalog));
        if changed {
            self.changed();
        }
    }

    /// Loads a version, and then makes it what its name stands for, if it still is to be.
    fn load(&self, entry: &Arc<Entry>, version: Version, seen: &mut Seen) {
        let name = entry.record.name.clone();
        if !seen.loading.insert((name.clone(), version.clone())) {
            return;
        }
        let (library, loads, metrics) =
            (self.library.clone(), Arc::clone(&self.loads), Arc::clone(&self.metrics));
        let (catalog, changes) = (Arc::clone(&self.catalog), Arc::clone(&self.changes));
        let owner = entry.record.owner.clone();
        seen.running.spawn(async move {
            // Closed never.
            let _place = loads.acquire().await;
            let reference = Reference::Version(name.clone(), version.clone());
            let loaded = library.load(&reference, |_| {}).await;
            if loaded.as_ref().is_ok_and(|(loaded, _)| matches!(loaded.origin, Origin::Compiled { .. })) {
                metrics.compiles.inc();
            }
            let ready = loaded.map(|(loaded, _)| Ready::new(&name, &owner, version.clone(), loaded.skill));
            // It may have changed while this was loaded: then the next look loads what is wanted then, within half a
            // second.
            let now = catalog.load();
            let wanted = now.names.get(&name).filter(|entry| entry.to_load().as_ref() == Some(&version));
            if let Some(entry) = wanted.filter(|entry| entry.record.owner == owner) {
                entry.current.store(Arc::new(match ready {
                    Ok(ready) if entry.allowed.get(&version) == Some(&ready.digest) => Current::Ready(ready),
                    Ok(_) => Current::Loading,
                    Err(error) if error.fault() == Fault::Load => Current::Loading,
                    Err(error) => broken(entry, &version, &error),
                }));
                changes.send_modify(|count| *count = count.wrapping_add(1));
            }
            (name, version)
        });
    }

    /// Loads no more.
    pub(crate) async fn stop(&self) {
        self.seen.lock().await.running.shutdown().await;
    }

    /// Waits until everything that is being loaded is, or cannot be. Looks wait meanwhile.
    pub(crate) async fn loaded(&self) {
        let mut seen = self.seen.lock().await;
        while let Some(done) = seen.running.join_next().await {
            match done {
                Ok(done) => {
                    seen.loading.remove(&done);
                }
                Err(_) => seen.loading.clear(),
            }
        }
        reap(&mut seen);
    }

    /// Waits until what a name stands for is loaded or cannot be, for a time.
    pub(crate) async fn settle(&self, name: &Name, patience: Duration) {
        let mut changes = self.changes();
        let settled = async {
            loop {
                let waits = self.catalog().names.get(name).is_some_and(|entry| entry.to_load().is_some());
                if !waits || changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(patience, settled).await;
    }

    /// The store's tokens as they are now.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let library = self.library.clone();
        blocking(move || store(&library)?.tokens()).await
    }
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
        match done {
            Ok(done) => {
                seen.loading.remove(&done);
            }
            // A panic while loading: nothing says of what, so all may be tried again.
            Err(_) => seen.loading.clear(),
        }
    }
    seen.complete |= seen.looked && seen.running.is_empty();
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
