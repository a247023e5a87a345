//! Semantics that both backends share: each test runs on a store in memory and on a store in a file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ringfence_kv::{
    Action, Change, Changed, Clock, Error, Expect, Keyspace, Options, Quota, Quotas, Space, Store, Usage,
};
use tempfile::TempDir;

/// A clock that only tests move.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Hand {
    fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

struct Bench {
    store: Store,
    clock: Arc<Hand>,
    _dir: TempDir,
}

impl Bench {
    fn with(&self, change: impl FnOnce(&mut Quotas)) -> Keyspace {
        let mut quotas = Quotas::default();
        change(&mut quotas);
        self.store.keyspace(&Space::named("alice", "notes").unwrap(), quotas)
    }

    fn space(&self) -> Keyspace {
        self.with(|_| {})
    }
}

async fn both(test: impl AsyncFn(Bench)) {
    for file in [false, true] {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(Hand::default());
        let options = Options::default().with_clock(clock.clone());
        let store =
            if file { Store::open(dir.path(), &options).unwrap() } else { Store::memory_with(&options) };
        test(Bench { store, clock, _dir: dir }).await;
    }
}

async fn text(space: &Keyspace, key: &str) -> Option<String> {
    let entry = space.get(key).await.unwrap()?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

async fn keys(space: &Keyspace) -> Vec<String> {
    space.list("", None, 1000).await.unwrap().keys
}

fn change(key: &str, action: Action) -> Change {
    Change { key: key.into(), action, expect: Expect::Any }
}

#[tokio::test]
async fn a_value_is_read_back_with_its_revision() {
    both(async |bench| {
        let space = bench.space();
        assert_eq!(space.get("k").await.unwrap(), None);
        let revision = space.set("k", "v", Expect::Any).await.unwrap();
        let entry = space.get("k").await.unwrap().unwrap();
        assert_eq!((&entry.value[..], entry.revision), (&b"v"[..], revision));
        // An empty key, an empty value and any bytes are as good as others.
        space.set("", Bytes::new(), Expect::Any).await.unwrap();
        assert_eq!(text(&space, "").await.as_deref(), Some(""));
        let bytes: Vec<u8> = (0..=255).collect();
        space.set("\0/é", bytes.clone(), Expect::Any).await.unwrap();
        assert_eq!(&space.get("\0/é").await.unwrap().unwrap().value[..], &bytes);
    })
    .await;
}

#[tokio::test]
async fn expectations_decide_a_set() {
    both(async |bench| {
        let space = bench.space();
        let early = space.set("k", "0", Expect::Revision(1)).await;
        assert!(matches!(early, Err(Error::Conflict { current: None })));
        let first = space.set("k", "1", Expect::Absent).await.unwrap();
        let twice = space.set("k", "2", Expect::Absent).await;
        assert!(matches!(twice, Err(Error::Conflict { current: Some(current) }) if current == first));
        let second = space.set("k", "2", Expect::Revision(first)).await.unwrap();
        let stale = space.set("k", "3", Expect::Revision(first)).await;
        assert!(matches!(stale, Err(Error::Conflict { current: Some(current) }) if current == second));
        assert_eq!(text(&space, "k").await.as_deref(), Some("2"));
    })
    .await;
}

#[tokio::test]
async fn expectations_decide_a_delete() {
    both(async |bench| {
        let space = bench.space();
        assert_eq!(space.delete("k", Expect::Any).await.unwrap(), None);
        assert_eq!(space.delete("k", Expect::Absent).await.unwrap(), None);
        let gone = space.delete("k", Expect::Revision(1)).await;
        assert!(matches!(gone, Err(Error::Conflict { current: None })));
        let first = space.set("k", "1", Expect::Any).await.unwrap();
        let stale = space.delete("k", Expect::Revision(first + 1)).await;
        assert!(matches!(stale, Err(Error::Conflict { current: Some(current) }) if current == first));
        let absent = space.delete("k", Expect::Absent).await;
        assert!(matches!(absent, Err(Error::Conflict { .. })));
        assert_eq!(space.delete("k", Expect::Revision(first)).await.unwrap(), Some(first));
        assert_eq!(space.get("k").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_revision_never_comes_back_even_after_delete() {
    both(async |bench| {
        let space = bench.space();
        let mut last = 0;
        for round in 0..5 {
            let revision = space.set("k", round.to_string(), Expect::Absent).await.unwrap();
            assert!(revision > last);
            last = revision;
            space.delete("k", Expect::Revision(revision)).await.unwrap();
        }
        // Not when nothing is left in the space, either.
        assert_eq!(space.usage().await.unwrap().keys, 0);
        assert!(space.set("other", "", Expect::Any).await.unwrap() > last);
    })
    .await;
}

#[tokio::test]
async fn spaces_with_hostile_names_never_meet() {
    both(async |bench| {
        let words = ["", "a", "a\0", "\0a", "a/b", "b", "\u{1}", "ab"];
        let mut spaces = Vec::new();
        for first in words {
            spaces.push(Space::digest(first).unwrap());
            for second in words {
                spaces.push(Space::named(first, second).unwrap());
                spaces.push(Space::digest(first).unwrap().with_principal(second).unwrap());
                spaces.push(Space::named(first, second).unwrap().with_principal("a").unwrap());
            }
        }
        let spaces: Vec<_> =
            spaces.into_iter().map(|space| bench.store.keyspace(&space, Quotas::default())).collect();
        let writes = spaces.iter().enumerate().map(async |(index, space)| {
            for key in words {
                space.set(key, format!("{index} {key}"), Expect::Absent).await.unwrap();
            }
        });
        join(writes).await;
        for (index, space) in spaces.iter().enumerate() {
            for key in words {
                assert_eq!(text(space, key).await, Some(format!("{index} {key}")));
            }
            let mut sorted = words.to_vec();
            sorted.sort_unstable();
            assert_eq!(keys(space).await, sorted);
            // Revisions tell a space nothing of others.
            assert_eq!(space.usage().await.unwrap().revision, 8);
        }
        let mut listed = bench.store.spaces(None, 100).unwrap();
        listed.extend(bench.store.spaces(listed.last().map(|last| &last.space), 1000).unwrap());
        assert_eq!(listed.len(), spaces.len());
    })
    .await;
}

#[tokio::test]
async fn a_list_has_pages_and_a_prefix() {
    both(async |bench| {
        let space = bench.space();
        for key in ["a", "a/1", "a/2", "a/3", "a0", "b", "é", "a/\0"] {
            space.set(key, "", Expect::Any).await.unwrap();
        }
        let all = keys(&space).await;
        assert_eq!(all, ["a", "a/\0", "a/1", "a/2", "a/3", "a0", "b", "é"]);
        for limit in 1..=9 {
            let mut found = Vec::new();
            let mut cursor: Option<String> = None;
            loop {
                let page = space.list("", cursor.as_deref(), limit).await.unwrap();
                assert!(page.keys.len() <= limit && !page.keys.is_empty());
                found.extend(page.keys);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, all);
        }
        let page = space.list("a/", None, 4).await.unwrap();
        assert_eq!((page.keys.len(), page.next), (4, None));
        let page = space.list("a/", None, 3).await.unwrap();
        assert_eq!(page.next.as_deref(), Some("a/2"));
        assert_eq!(space.list("a/", Some("a/2"), 9).await.unwrap().keys, ["a/3"]);
        // A cursor of elsewhere leads to nothing outside the prefix.
        assert_eq!(space.list("a/", Some(""), 9).await.unwrap().keys.len(), 4);
        assert!(space.list("a/", Some("b"), 9).await.unwrap().keys.is_empty());
        assert!(space.list("zz", None, 9).await.unwrap().keys.is_empty());
        assert_eq!(space.list("", None, 0).await.unwrap().keys.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn numbers_are_incremented_within_their_range() {
    both(async |bench| {
        let space = bench.space();
        assert_eq!(space.increment("n", 5).await.unwrap().value, 5);
        let sum = space.increment("n", -7).await.unwrap();
        assert_eq!((sum.value, text(&space, "n").await.as_deref()), (-2, Some("-2")));
        assert_eq!(space.get("n").await.unwrap().unwrap().revision, sum.revision);
        space.set("n", (i64::MAX - 1).to_string(), Expect::Any).await.unwrap();
        assert_eq!(space.increment("n", 1).await.unwrap().value, i64::MAX);
        assert!(matches!(space.increment("n", 1).await, Err(Error::Overflow)));
        for text in ["", "x", "1.0", " 1", "9223372036854775808"] {
            space.set("n", text, Expect::Any).await.unwrap();
            assert!(matches!(space.increment("n", 1).await, Err(Error::NotANumber)));
        }
        space.set("n", vec![0xff], Expect::Any).await.unwrap();
        assert!(matches!(space.increment("n", 1).await, Err(Error::NotANumber)));
    })
    .await;
}

#[tokio::test]
async fn concurrent_increments_lose_nothing() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.writes_per_minute = 1000);
        join((0..200).map(async |_| {
            space.increment("n", 1).await.unwrap();
        }))
        .await;
        assert_eq!(text(&space, "n").await.as_deref(), Some("200"));
    })
    .await;
}

#[tokio::test]
async fn of_writers_with_one_expectation_one_wins() {
    both(async |bench| {
        let space = bench.space();
        let won = AtomicU64::new(0);
        join((0..50).map(
            async |writer: u64| match space.set("k", writer.to_string(), Expect::Absent).await {
                Ok(_) => {
                    won.fetch_add(1, Ordering::Relaxed);
                }
                Err(Error::Conflict { current: Some(_) }) => {}
                Err(error) => panic!("{error}"),
            },
        ))
        .await;
        assert_eq!(won.into_inner(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_made_as_a_whole_or_not_at_all() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.keys = 3);
        let revisions = space.set_many([("a".into(), "1".into()), ("b".into(), "2".into())]).await.unwrap();
        assert!(revisions[0] < revisions[1]);
        let full = space.set_many([("c".into(), "3".into()), ("d".into(), "4".into())]).await;
        assert!(matches!(full, Err(Error::QuotaExceeded(Quota::Keys { limit: 3 }))));
        assert_eq!(keys(&space).await, ["a", "b"]);

        let mut stale = change("a", Action::Set("9".into()));
        stale.expect = Expect::Absent;
        let conflict = space.change(vec![change("b", Action::Delete), stale]).await;
        assert!(matches!(conflict, Err(Error::Conflict { .. })));
        assert_eq!(keys(&space).await, ["a", "b"]);

        let got = space.get_many(&["b", "none", "a", "b"]).await.unwrap();
        let shown: Vec<_> = got.iter().map(|entry| entry.as_ref().map(|entry| entry.revision)).collect();
        assert_eq!(shown, [Some(revisions[1]), None, Some(revisions[0]), Some(revisions[1])]);
        let deleted = space.delete_many(&["a", "none", "a"]).await.unwrap();
        assert_eq!(deleted, [Some(revisions[0]), None, None]);
        assert!(space.change(Vec::new()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_change_sees_those_before_it_in_its_batch() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.keys = 1);
        let mut last = change("k", Action::Set("end".into()));
        last.expect = Expect::Revision(3);
        let made = space
            .change(vec![
                change("k", Action::Set("1".into())),
                change("k", Action::Increment(1)),
                change("k", Action::Delete),
                // More keys than the quota, but not at the end.
                change("k", Action::Increment(5)),
                last,
            ])
            .await
            .unwrap();
        let expected = [
            Changed::Set(1),
            Changed::Incremented { value: 2, revision: 2 },
            Changed::Deleted(Some(2)),
            Changed::Incremented { value: 5, revision: 3 },
            Changed::Set(4),
        ];
        assert_eq!(made, expected);
        assert_eq!(text(&space, "k").await.as_deref(), Some("end"));
        let usage = space.usage().await.unwrap();
        assert_eq!((usage.keys, usage.bytes, usage.revision), (1, 4, 4));
    })
    .await;
}

#[tokio::test]
async fn the_number_of_keys_is_exact() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.keys = 2);
        space.set("a", "", Expect::Any).await.unwrap();
        space.set("b", "", Expect::Any).await.unwrap();
        let over = space.set("c", "", Expect::Any).await;
        assert!(matches!(over, Err(Error::QuotaExceeded(Quota::Keys { limit: 2 }))));
        let over = space.increment("c", 1).await;
        assert!(matches!(over, Err(Error::QuotaExceeded(Quota::Keys { limit: 2 }))));
        space.set("b", "again", Expect::Any).await.unwrap();
        space.delete("a", Expect::Any).await.unwrap();
        space.set("c", "", Expect::Any).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_sizes_of_key_and_value_are_exact() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.value_bytes = 10);
        let (most, over) = ("k".repeat(256), "k".repeat(257));
        space.set(&most, "0123456789", Expect::Any).await.unwrap();
        assert!(space.get(&most).await.unwrap().is_some());
        let long = space.set(&over, "", Expect::Any).await;
        assert!(matches!(long, Err(Error::KeyTooLong { length: 257, limit: 256 })));
        assert!(matches!(space.get(&over).await, Err(Error::KeyTooLong { .. })));
        assert!(matches!(space.delete(&over, Expect::Any).await, Err(Error::KeyTooLong { .. })));
        let large = space.set("k", "0123456789a", Expect::Any).await;
        assert!(matches!(large, Err(Error::ValueTooLarge { size: 11, limit: 10 })));
        space.increment("n", 999_999_999).await.unwrap();
        space.increment("n", 9_000_000_000).await.unwrap();
        assert!(matches!(space.increment("n", 1).await, Err(Error::ValueTooLarge { size: 11, .. })));
    })
    .await;
}

#[tokio::test]
async fn the_bytes_of_a_space_are_exact() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.total_bytes = 10);
        space.set("ab", "01234567", Expect::Any).await.unwrap();
        let over = space.set("c", "", Expect::Any).await;
        assert!(matches!(over, Err(Error::QuotaExceeded(Quota::TotalBytes { limit: 10 }))));
        let over = space.set("ab", "012345678", Expect::Any).await;
        assert!(matches!(over, Err(Error::QuotaExceeded(Quota::TotalBytes { limit: 10 }))));
        space.set("ab", "0123456", Expect::Any).await.unwrap();
        space.set("c", "", Expect::Any).await.unwrap();
        let usage = space.usage().await.unwrap();
        assert_eq!((usage.keys, usage.bytes), (2, 10));

        // A lowered quota keeps what is there, and takes writes that do not make it larger.
        let lowered = bench.with(|quotas| quotas.total_bytes = 5);
        lowered.set("ab", "012345x", Expect::Any).await.unwrap();
        assert!(lowered.set("ab", "01234567", Expect::Any).await.is_err());
        lowered.set("ab", "01", Expect::Any).await.unwrap();
        lowered.delete("ab", Expect::Any).await.unwrap();
        let usage = lowered.usage().await.unwrap();
        assert_eq!((usage.keys, usage.bytes), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_bytes_of_the_store_are_exact() {
    let dir = TempDir::new().unwrap();
    let options = Options::default().with_store_bytes(10);
    for store in [Store::memory_with(&options), Store::open(dir.path(), &options).unwrap()] {
        let [one, two] = ["one", "two"]
            .map(|name| store.keyspace(&Space::named("o", name).unwrap(), Quotas::default().with_keys(2)));
        one.set("k", "12345", Expect::Any).await.unwrap();
        two.set("k", "123", Expect::Any).await.unwrap();
        assert_eq!(store.total_bytes().unwrap(), 10);
        let full = two.set("k", "1234", Expect::Any).await;
        assert!(matches!(full, Err(Error::QuotaExceeded(Quota::StoreBytes { limit: 10 }))), "{full:?}");
        assert!(two.set("", "", Expect::Any).await.is_ok());
        // A refused write leaves nothing, and nobody else can take what one gives back twice.
        assert_eq!(text(&two, "k").await.as_deref(), Some("123"));
        one.delete("k", Expect::Any).await.unwrap();
        assert_eq!(store.total_bytes().unwrap(), 4);
        two.set("k", "123456789", Expect::Any).await.unwrap();
        assert!(one.set("k", "", Expect::Any).await.is_err());
        two.set("k", "12345678", Expect::Any).await.unwrap();
        one.set("k", "", Expect::Any).await.unwrap();
        assert_eq!(store.total_bytes().unwrap(), 10);
    }
}

#[tokio::test]
async fn the_writes_of_a_minute_are_exact() {
    both(async |bench| {
        let space = bench.with(|quotas| quotas.writes_per_minute = 4);
        space.set("a", "", Expect::Any).await.unwrap();
        space.set_many([("b".into(), Bytes::new()), ("c".into(), Bytes::new())]).await.unwrap();
        // Another keyspace of the same space shares the count, also when it is opened anew.
        let again = bench.with(|quotas| quotas.writes_per_minute = 4);
        assert!(matches!(again.set("a", "", Expect::Absent).await, Err(Error::Conflict { .. })));
        drop((space, again));
        let space = bench.with(|quotas| quotas.writes_per_minute = 4);
        let over = space.delete("a", Expect::Any).await;
        let Err(Error::QuotaExceeded(Quota::WritesPerMinute { limit: 4, retry_after: Some(wait) })) = over
        else {
            panic!("{over:?}");
        };
        assert_eq!(wait, Duration::from_secs(15));
        bench.clock.advance(wait - Duration::from_nanos(1));
        assert!(space.delete("a", Expect::Any).await.is_err());
        bench.clock.advance(Duration::from_nanos(1));
        space.delete("a", Expect::Any).await.unwrap();
        assert!(space.delete("a", Expect::Any).await.is_err());
        // Reads are free.
        assert_eq!(keys(&space).await, ["b", "c"]);
    })
    .await;
}

#[tokio::test]
async fn the_size_of_a_batch_is_exact() {
    both(async |bench| {
        let space = bench.with(|quotas| (quotas.batch_keys, quotas.batch_bytes) = (2, 10));
        let entry = |key: &str, value: &str| (key.to_owned(), Bytes::from(value.to_owned()));
        space.set_many([entry("a", "1234"), entry("b", "1234")]).await.unwrap();
        let over = space.set_many([entry("a", "1234"), entry("b", "12345")]).await;
        assert!(matches!(over, Err(Error::BatchTooLarge { keys: 2, bytes: 10 })));
        assert!(space.get_many(&["a", "b"]).await.is_ok());
        assert!(matches!(space.get_many(&["a", "b", "c"]).await, Err(Error::BatchTooLarge { .. })));
        assert!(matches!(space.delete_many(&["a", "b", "c"]).await, Err(Error::BatchTooLarge { .. })));
        // The values of an answer count too. One value alone is bounded by its own quota.
        space.set("a", "1234567", Expect::Any).await.unwrap();
        assert!(matches!(space.get_many(&["a", "b"]).await, Err(Error::BatchTooLarge { .. })));
        assert!(space.get("a").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_principal_of_a_skill_has_a_space_of_its_own() {
    both(async |bench| {
        let notes = Space::named("alice", "notes").unwrap();
        let quotas = Quotas::default().with_writes_per_minute(1);
        let shared = bench.store.keyspace(&notes, quotas);
        let bobs = bench.store.keyspace(&notes.with_principal("bob").unwrap(), quotas);
        shared.set("k", "all", Expect::Absent).await.unwrap();
        bobs.set("k", "bob", Expect::Absent).await.unwrap();
        assert_eq!(text(&shared, "k").await.as_deref(), Some("all"));
        assert_eq!(text(&bobs, "k").await.as_deref(), Some("bob"));
        assert_eq!(shared.usage().await.unwrap().keys, Usage::default().keys + 1);
    })
    .await;
}

/// Polls all futures until each has ended.
async fn join<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut open = false;
        for slot in &mut futures {
            if let Some(future) = slot {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(()) => *slot = None,
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
}

#[tokio::test]
async fn nobody_fills_the_store_for_the_others() {
    let options = || Options::default().with_store_bytes(100).with_share_bytes(40);
    let dir = TempDir::new().unwrap();
    for store in
        [Store::memory_with(&options()), Store::open(dir.path().join("kv.redb"), &options()).unwrap()]
    {
        let keys = |space: Space| store.keyspace(&space, Quotas::default());
        let named = |owner: &str, name: &str| Space::named(owner, name).unwrap();
        let of = |name: &str, principal: &str| named("acme", name).with_principal(principal).unwrap();
        let full = |found: Result<u64, Error>| {
            matches!(found, Err(Error::QuotaExceeded(Quota::ShareBytes { limit: 40 })))
        };
        // All spaces of a principal share, whichever skill wrote them.
        keys(of("a", "bob")).set("k", vec![0; 19], Expect::Any).await.unwrap();
        keys(of("b", "bob")).set("k", vec![0; 19], Expect::Any).await.unwrap();
        assert!(full(keys(of("c", "bob")).set("k", "", Expect::Any).await));
        assert!(full(keys(of("a", "bob")).set("k", vec![0; 20], Expect::Any).await));
        // Others have shares of their own: another principal, and the owner of a skill whose callers share a space.
        keys(of("a", "eve")).set("k", vec![0; 9], Expect::Any).await.unwrap();
        keys(named("acme", "a")).set("k", vec![0; 19], Expect::Any).await.unwrap();
        assert!(full(keys(named("acme", "b")).set("k", vec![0; 20], Expect::Any).await));
        keys(named("bob", "a")).set("k", vec![0; 19], Expect::Any).await.unwrap();
        // What is freed can be written again.
        keys(of("a", "bob")).delete("k", Expect::Any).await.unwrap();
        keys(of("c", "bob")).set("k", vec![0; 9], Expect::Any).await.unwrap();
        assert_eq!(store.total_bytes().unwrap(), 80);
        // An operator takes what the store has.
        let operator = |principal: &str| store.keyspace(&of("z", principal), Quotas::operator());
        operator("bob").set("k", vec![0; 19], Expect::Any).await.unwrap();
        let found = operator("bob").set("l", "", Expect::Any).await;
        assert!(matches!(found, Err(Error::QuotaExceeded(Quota::StoreBytes { limit: 100 }))), "{found:?}");
        assert!(store.verify().unwrap().is_whole());
    }
}
