//! Group commit, turns and failures, on a file whose syncs a test can hold back and whose disk it can fail.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use redb::backends::InMemoryBackend;
use redb::{BackendError, Builder, StorageBackend};

use super::writer::Shared;
use super::{Durable, prepare};
use crate::backend::Backend;
use crate::change::{Action, Change, Expect, Write};
use crate::data::Options;
use crate::error::Error;
use crate::lane::{Job, Lane, Lanes};
use crate::quota::Quotas;
use crate::space::Space;
use crate::store::Store;

/// What a test holds of a disk.
#[derive(Debug, Default)]
struct Disk {
    held: Mutex<bool>,
    changed: Condvar,
    waiting: AtomicU64,
    syncs: AtomicU64,
    broken: AtomicBool,
    pages: Arc<InMemoryBackend>,
}

impl Disk {
    fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.changed.notify_all();
    }

    /// Waits until a commit stands at its sync.
    fn reached(&self) {
        let mut held = self.held.lock().unwrap();
        while self.waiting.load(Ordering::SeqCst) == 0 {
            held = self.changed.wait(held).unwrap();
        }
    }

    fn fault(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Pages(Arc<Disk>);

impl StorageBackend for Pages {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.pages.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.pages.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.fault()?;
        self.0.pages.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.fault()?;
        self.0.syncs.fetch_add(1, Ordering::SeqCst);
        let mut held = self.0.held.lock().unwrap();
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_all();
        while *held {
            held = self.0.changed.wait(held).unwrap();
        }
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.fault()?;
        self.0.pages.write(offset, data)
    }
}

fn store(options: &Options) -> (Store, Arc<Disk>) {
    let disk = Arc::new(Disk::default());
    let opener = {
        let disk = disk.clone();
        Box::new(move || {
            let database = Builder::new().create_with_backend(Pages(disk.clone()))?;
            prepare(&database, std::path::Path::new(""))?;
            Ok(database)
        })
    };
    let durable = Durable::with_opener(opener, options).unwrap();
    let store = Store { backend: Backend::Durable(Arc::new(durable)), lanes: Arc::new(Lanes::new(options)) };
    (store, disk)
}

fn quotas() -> Quotas {
    Quotas { writes_per_minute: u32::MAX, ..Quotas::default() }
}

fn space(name: &str) -> Space {
    Space::named("owner", name).unwrap()
}

/// Lets other tasks of this runtime go on.
async fn turns(number: usize) {
    for _ in 0..number {
        tokio::task::yield_now().await;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_thousand_writers_share_a_sync() {
    let (store, disk) = store(&Options::default());
    runtime().block_on(async {
        disk.hold(true);
        let spaces: Vec<_> =
            (0..10).map(|index| store.keyspace(&space(&index.to_string()), quotas())).collect();
        let first = tokio::spawn({
            let space = spaces[0].clone();
            async move { space.set("first", "", Expect::Any).await }
        });
        turns(10).await;
        disk.reached();
        let before = (store.stats().commits, disk.syncs.load(Ordering::SeqCst));
        let writers: Vec<_> = (0..1000)
            .map(|index| {
                let space = spaces[index % 10].clone();
                tokio::spawn(async move { space.set(&index.to_string(), "v", Expect::Absent).await })
            })
            .collect();
        while spaces
            .iter()
            .enumerate()
            .any(|(index, _)| store.lanes.lane(&space(&index.to_string()).encode()).queued() < 100)
        {
            turns(1).await;
        }
        assert!(
            writers.iter().all(|writer| !writer.is_finished()),
            "nothing is acknowledged before its sync"
        );
        disk.hold(false);
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        first.await.unwrap().unwrap();
        let after = (store.stats().commits, disk.syncs.load(Ordering::SeqCst));
        // The transaction that was held, and one for all thousand. Each syncs for its phases and for the file's growth.
        assert_eq!(after.0 - before.0, 2);
        assert!(after.1 - before.1 <= 6, "{before:?} {after:?}");
        assert_eq!(store.stats().writes, 1001);
    });
}

async fn job(lane: &Lane, key: String) -> Job {
    let changes = vec![Change { key, action: Action::Delete, expect: Expect::Any }];
    let write = Write { changes, floor: 0, quotas: quotas() };
    Job { write, answer: tokio::sync::oneshot::channel().0, _place: lane.place(0).await.unwrap() }
}

#[test]
fn spaces_take_turns_so_that_a_flood_starves_nobody() {
    let lanes = Lanes::new(&Options::default());
    let shared = Shared::default();
    runtime().block_on(async {
        for (space, writes) in [("flood", 100), ("quiet", 1), ("busy", 5)] {
            let lane = lanes.lane(space.as_bytes());
            for number in 0..writes {
                shared.queue(&lane, job(&lane, format!("{space} {number}")).await);
            }
        }
    });
    let group = |most| -> Vec<String> {
        let jobs = shared.group(most).unwrap();
        jobs.into_iter().map(|(_, job)| job.write.changes[0].key.clone()).collect()
    };
    assert_eq!(group(4), ["flood 0", "quiet 0", "busy 0", "flood 1"]);
    // The turns go on where the last transaction ended, and each space keeps its order.
    assert_eq!(group(4), ["busy 1", "flood 2", "busy 2", "flood 3"]);
    assert_eq!(group(1000).len(), 100 + 1 + 5 - 8);
}

#[test]
fn writers_wait_outside_of_a_full_queue() {
    let options = Options { queue: 10, ..Options::default() };
    let (store, disk) = store(&options);
    runtime().block_on(async {
        disk.hold(true);
        let space = store.keyspace(&space("s"), quotas());
        let write = |key: usize, size: usize| {
            let space = space.clone();
            tokio::spawn(
                async move { space.set(&key.to_string(), vec![0; size], Expect::Any).await.unwrap() },
            )
        };
        let mut writers = vec![write(0, 0)];
        turns(1).await;
        disk.reached();
        // The held write has a place, a value of 16 KiB has five, so four are left.
        writers.push(write(1, 16 << 10));
        writers.extend((2..100).map(|key| write(key, 0)));
        turns(300).await;
        assert_eq!(store.lanes.lane(&super::tests::space("s").encode()).queued(), 5);
        disk.hold(false);
        for writer in writers {
            writer.await.unwrap();
        }
        // A write that is larger than the whole queue passes alone.
        write(100, 200 << 10).await.unwrap();
        assert_eq!(space.usage().await.unwrap().keys, 101);
    });
}

#[test]
fn a_dropped_writer_leaves_the_queue_whole() {
    let options = Options { queue: 2, ..Options::default() };
    let (store, disk) = store(&options);
    runtime().block_on(async {
        disk.hold(true);
        let space = store.keyspace(&space("s"), quotas());
        let write = |key: &'static str| {
            let space = space.clone();
            tokio::spawn(async move { space.set(key, "", Expect::Any).await.unwrap() })
        };
        let first = write("first");
        turns(10).await;
        disk.reached();
        // One in the queue, two outside of it; the queue's other place is the held write's.
        let dropped = [write("a"), write("b"), write("c")];
        turns(10).await;
        for writer in &dropped {
            writer.abort();
        }
        let last = write("last");
        turns(10).await;
        disk.hold(false);
        last.await.unwrap();
        first.await.unwrap();
        let keys = space.list("", None, 10).await.unwrap().keys;
        assert!(keys.contains(&"first".into()) && keys.contains(&"last".into()));
        let usage = space.usage().await.unwrap();
        assert_eq!(usage.keys, u64::try_from(keys.len()).unwrap());
    });
}

#[test]
fn a_failed_disk_fails_writes_and_the_store_recovers_with_it() {
    let (store, disk) = store(&Options::default());
    runtime().block_on(async {
        let space = store.keyspace(&space("s"), quotas());
        let revision = space.set("k", "before", Expect::Any).await.unwrap();
        disk.broken.store(true, Ordering::SeqCst);
        let failed = space.set("k", "lost", Expect::Any).await;
        assert!(matches!(&failed, Err(error) if error.is_disk_full()), "{failed:?}");
        let failed = space.set("k", "lost", Expect::Any).await;
        assert!(failed.is_err(), "{failed:?}");
        disk.broken.store(false, Ordering::SeqCst);
        let next = space.set("k2", "after", Expect::Absent).await.unwrap();
        assert!(next > revision);
        let entry = space.get("k").await.unwrap().unwrap();
        assert_eq!(&entry.value[..], b"before");
        assert!(store.stats().failures >= 1);
    });
}

#[test]
fn lanes_that_rest_are_forgotten_and_others_are_not() {
    let (store, _disk) = store(&Options::default());
    runtime().block_on(async {
        let few = Quotas { writes_per_minute: 1, ..quotas() };
        store.keyspace(&space("spent"), few).set("k", "", Expect::Any).await.unwrap();
        for index in 0..1000 {
            drop(store.keyspace(&space(&index.to_string()), few));
        }
        assert!(store.lanes.len() < 200, "{}", store.lanes.len());
        assert!(store.keyspace(&space("spent"), few).set("k", "", Expect::Any).await.is_err());
    });
}

#[test]
fn errors_of_a_backend_keep_their_source() {
    let error = Error::from(redb::StorageError::from(BackendError::from(io::Error::other("the disk"))));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("the disk"), "{source}");
}
