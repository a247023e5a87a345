//! Backups, exports and imports, of stores in memory and in files; and two stores on one file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use ringfence_kv::{Damage, Error, Expect, Options, Quotas, Space, SpaceUsage, Store};
use tempfile::TempDir;

fn spaces() -> Vec<Space> {
    vec![
        Space::named("alice", "notes").unwrap(),
        Space::named("alice", "notes").unwrap().with_principal("bo\"b\n").unwrap(),
        Space::digest("sha256:0\0").unwrap(),
    ]
}

/// Three spaces with entries, and an empty one whose revision counts on.
async fn fill(store: &Store) {
    for space in spaces() {
        let space = store.keyspace(&space, Quotas::default());
        for key in ["", "a", "\0/é\n", "large"] {
            let value = if key == "large" { vec![7; 100_000] } else { (0..=255).collect() };
            space.set(key, value, Expect::Absent).await.unwrap();
        }
        space.delete("a", Expect::Any).await.unwrap();
    }
    let empty = store.keyspace(&Space::digest("empty").unwrap(), Quotas::default());
    empty.set("k", "", Expect::Any).await.unwrap();
    empty.delete("k", Expect::Any).await.unwrap();
}

/// Keys, revisions and values of all spaces, and what the spaces say of themselves.
async fn content(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    for SpaceUsage { space, usage, .. } in store.spaces(None, 100).unwrap() {
        all.push(format!("{space} {usage:?}"));
        let space = store.keyspace(&space, Quotas::default());
        for key in space.list("", None, 1000).await.unwrap().keys {
            let entry = space.get(&key).await.unwrap().unwrap();
            all.push(format!("{key:?} {} {:?}", entry.revision, entry.value));
        }
    }
    all
}

fn export(store: &Store, only: Option<&Space>) -> String {
    let mut out = Vec::new();
    store.export(only, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn stores(dir: &TempDir) -> [Store; 2] {
    [Store::memory(), Store::open(dir.path(), &Options::default()).unwrap()]
}

#[tokio::test]
async fn a_backup_has_everything_and_opens_as_a_store() {
    let dir = TempDir::new().unwrap();
    for (index, store) in stores(&dir).iter().enumerate() {
        fill(store).await;
        let path = dir.path().join(format!("backup-{index}"));
        let moved = store.backup(&path).unwrap();
        assert_eq!((moved.spaces, moved.entries), (4, 9));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let copy = Store::open(&path, &Options::default()).unwrap();
        assert_eq!(content(&copy).await, content(store).await);
        assert_eq!(copy.total_bytes().unwrap(), store.total_bytes().unwrap());
        // It goes on where the store was: a revision of the empty space does not come back.
        let empty = copy.keyspace(&Space::digest("empty").unwrap(), Quotas::default());
        assert_eq!(empty.set("k", "", Expect::Absent).await.unwrap(), 2);
        assert!(matches!(store.backup(&path), Err(Error::Exists(_))));
    }
    // Nothing else is left: two backups and the store.
    assert_eq!(dir.path().read_dir().unwrap().count(), 3);
    let missing = Store::memory().backup(dir.path().join("none/backup"));
    assert!(matches!(missing, Err(Error::File { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_amid_writes_is_of_one_moment() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), &Options::default()).unwrap();
    let quotas = Quotas::default().with_writes_per_minute(u32::MAX);
    let space = store.keyspace(&Space::named("o", "n").unwrap(), quotas);
    let pair = |number: u64| ["left", "right"].map(|key| (key.to_owned(), Bytes::from(number.to_string())));
    space.set_many(pair(0)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn({
        let space = space.clone();
        async move {
            let mut stopped = stopped;
            for number in 1.. {
                if stopped.try_recv().is_ok() {
                    break;
                }
                space.set_many(pair(number)).await.unwrap();
            }
        }
    });
    for index in 0..10 {
        let path = dir.path().join(format!("backup-{index}"));
        let (store, to) = (store.clone(), path.clone());
        tokio::task::spawn_blocking(move || store.backup(to).unwrap()).await.unwrap();
        let copy = Store::open(&path, &Options::default()).unwrap();
        let copy = copy.keyspace(&Space::named("o", "n").unwrap(), quotas);
        let both = copy.get_many(&["left", "right"]).await.unwrap();
        let [Some(left), Some(right)] = &both[..] else { panic!() };
        assert_eq!(left.value, right.value);
        assert_eq!(copy.usage().await.unwrap().revision, right.revision);
    }
    stop.send(()).unwrap();
    writer.await.unwrap();
}

#[tokio::test]
async fn an_export_is_imported_into_the_other_kind_of_store() {
    let dir = TempDir::new().unwrap();
    let [memory, file] = stores(&dir);
    fill(&memory).await;
    let text = export(&memory, None);
    assert_eq!(Store::check_export(&mut text.as_bytes()).unwrap().entries, 9);
    let moved = file.import(&mut text.as_bytes()).await.unwrap();
    assert_eq!((moved.spaces, moved.entries), (4, 9));
    let values = |content: Vec<String>| -> Vec<String> {
        let row = |row: String| {
            row.split_once("[").or(row.split_once("b\"")).map_or(row.clone(), |row| row.1.into())
        };
        content.into_iter().filter(|row| row.starts_with('"')).map(row).collect()
    };
    assert_eq!(values(content(&memory).await), values(content(&file).await));
    for SpaceUsage { space, usage, .. } in memory.spaces(None, 100).unwrap() {
        let after = file.keyspace(&space, Quotas::default()).usage().await.unwrap();
        assert_eq!((after.keys, after.bytes), (usage.keys, usage.bytes));
        // Above all that the export had; entries took the next ones.
        assert_eq!(after.revision, usage.revision + usage.keys);
    }
}

#[tokio::test]
async fn an_import_assigns_fresh_revisions() {
    let source = Store::memory();
    let space = Space::named("o", "n").unwrap();
    let from = source.keyspace(&space, Quotas::default());
    from.set("a", "exported", Expect::Any).await.unwrap();
    let text = export(&source, Some(&space));
    let target = Store::memory();
    let to = target.keyspace(&space, Quotas::default().with_writes_per_minute(10));
    for _ in 0..9 {
        to.set("a", "newer", Expect::Any).await.unwrap();
    }
    to.set("b", "stays", Expect::Any).await.unwrap();
    target.import(&mut text.as_bytes()).await.unwrap();
    let entry = to.get("a").await.unwrap().unwrap();
    assert_eq!((&entry.value[..], entry.revision), (&b"exported"[..], 11));
    assert!(to.get("b").await.unwrap().is_some());
    // The import took none of the skill's writes of this minute, which are spent.
    assert!(matches!(to.set("a", "", Expect::Any).await, Err(Error::QuotaExceeded(_))));
}

#[tokio::test]
async fn an_export_of_one_space_has_no_other_one() {
    let dir = TempDir::new().unwrap();
    for store in stores(&dir) {
        fill(&store).await;
        let text = export(&store, Some(&spaces()[0]));
        assert_eq!(text.lines().count(), 1 + 1 + 3 + 1);
        assert!(text.contains(r#"{"space":{"owner":"alice","name":"notes","revision":4}}"#), "{text}");
        assert_eq!(export(&store, Some(&Space::digest("other").unwrap())).lines().count(), 2);
    }
}

#[tokio::test]
async fn a_damaged_export_is_refused_with_its_line() {
    let store = Store::memory();
    store.keyspace(&spaces()[0], Quotas::default()).set("k", "v", Expect::Any).await.unwrap();
    let text = export(&store, None);
    let lines: Vec<&str> = text.lines().collect();
    let cases: &[(&[&str], u64)] = &[
        (&[], 1),
        (&lines[1..], 1),
        (&[r#"{"format":{"version":2}}"#], 1),
        (&lines[..3], 4),
        (&[lines[0], lines[2], lines[3]], 2),
        (&[lines[0], lines[1], lines[3]], 3),
        (&[lines[0], lines[0]], 2),
        (&[lines[0], "not json"], 2),
        (&[lines[0], r#"{"space":{"owner":"a","revision":1}}"#], 2),
        (&[lines[0], r#"{"space":{"owner":"a","name":"b","digest":"c","revision":1}}"#], 2),
        (&[lines[0], r#"{"space":{"owner":"a","name":"b","revision":1,"more":2}}"#], 2),
        (&[lines[0], r#"{"space":{"owner":"a","name":"b","revision":9223372036854775808}}"#], 2),
        (&[lines[0], lines[1], r#"{"entry":{"key":"k","revision":1,"value":"!"}}"#], 3),
        (&[lines[0], lines[1], lines[2], lines[3], lines[3]], 5),
    ];
    for (lines, wrong) in cases {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        for error in [
            Store::check_export(&mut text.as_bytes()).unwrap_err(),
            Store::memory().import(&mut text.as_bytes()).await.unwrap_err(),
        ] {
            let Error::Import { line, .. } = error else { panic!("{error}: {text}") };
            assert_eq!(line, *wrong, "{text}");
        }
    }
    let cut = &text[..text.len() - 1];
    assert!(matches!(Store::check_export(&mut cut.as_bytes()), Err(Error::Import { line: 4, .. })));
}

#[tokio::test]
async fn two_stores_share_a_file_as_a_server_and_a_command_do() {
    let dir = TempDir::new().unwrap();
    let server = Store::open(dir.path(), &Options::default()).unwrap();
    let command = Store::open(dir.path(), &Options::default()).unwrap();
    let space = Space::named("o", "n").unwrap();
    let (one, two) =
        (server.keyspace(&space, Quotas::default()), command.keyspace(&space, Quotas::operator()));
    let first = one.set("k", "server", Expect::Absent).await.unwrap();
    assert_eq!(two.get("k").await.unwrap().unwrap().revision, first);
    let second = two.set("k", "command", Expect::Revision(first)).await.unwrap();
    assert!(matches!(one.set("k", "x", Expect::Revision(first)).await, Err(Error::Conflict { .. })));
    assert_eq!(one.get("k").await.unwrap().unwrap().revision, second);
    let (mine, theirs) = tokio::join!(
        async {
            for _ in 0..50 {
                one.increment("n", 1).await.unwrap();
            }
        },
        async {
            for _ in 0..50 {
                two.increment("n", 1).await.unwrap();
            }
        }
    );
    assert_eq!((mine, theirs), ((), ()));
    assert_eq!(&one.get("n").await.unwrap().unwrap().value[..], b"100");
    // Who wants the file alone does not get it.
    let alone = Store::open(dir.path(), &Options::default().with_shared(false));
    assert!(matches!(alone, Err(Error::InUse(_))), "{alone:?}");
    drop((one, two, command));
    drop(server);
    let alone = Store::open(dir.path(), &Options::default().with_shared(false)).unwrap();
    let second = Store::open(dir.path(), &Options::default());
    assert!(matches!(second, Err(Error::InUse(_))), "{second:?}");
    drop(alone);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kv.redb");
    std::fs::write(&path, "not a database, but longer than a header of one would be").unwrap();
    assert!(matches!(Store::open(&path, &Options::default()), Err(Error::Storage(_))));
    let missing = Store::open(dir.path().join("none/kv.redb"), &Options::default());
    assert!(matches!(missing, Err(Error::File { .. })));
}

#[tokio::test]
async fn the_highest_revision_of_an_import_leaves_room_for_others() {
    let lines = [
        r#"{"format":{"version":1}}"#,
        r#"{"space":{"owner":"a","name":"b","revision":9223372036854775807}}"#,
        r#"{"end":{"spaces":1,"entries":0}}"#,
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let store = Store::memory();
    store.import(&mut text.as_bytes()).await.unwrap();
    let keys = store.keyspace(&Space::named("a", "b").unwrap(), Quotas::default());
    let first = keys.set("k", "1", Expect::Any).await.unwrap();
    let second = keys.set("k", "2", Expect::Revision(first)).await.unwrap();
    assert!(first > 1 << 62 && second > first);
    assert!(keys.set("k", "3", Expect::Revision(first)).await.is_err());
}

#[tokio::test]
async fn a_store_in_memory_holds_its_bytes_and_not_one_more() {
    let store = Store::memory();
    let keys = store.keyspace(&spaces()[0], Quotas::operator());
    let quarter = Bytes::from(vec![0; 64 << 20]);
    for key in ["a", "b", "c"] {
        keys.set(key, quarter.clone(), Expect::Any).await.unwrap();
    }
    let rest = quarter.slice(4..);
    assert!(matches!(keys.set("d", quarter, Expect::Any).await, Err(Error::QuotaExceeded(_))));
    keys.set("d", rest, Expect::Any).await.unwrap();
    assert_eq!(store.total_bytes().unwrap(), ringfence_kv::MEMORY_BYTES);
    assert!(matches!(keys.set("e", "", Expect::Any).await, Err(Error::QuotaExceeded(_))));
}

/// Pages of zeros make the database panic in some reads: they must fail like any read of a damaged file.
#[tokio::test]
async fn a_damaged_file_fails_and_does_not_panic() {
    const PAGE: usize = 4096;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kv.redb");
    let space = Space::named("o", "n").unwrap();
    let store = Store::open(&path, &Options::default()).unwrap();
    let keys = store.keyspace(&space, Quotas::operator());
    for index in 0..60 {
        keys.set(&format!("key-{index}"), vec![b'x'; 500], Expect::Any).await.unwrap();
    }
    drop((keys, store));
    let whole = std::fs::read(&path).unwrap();
    let mut failed = 0;
    for page in 0..whole.len() / PAGE {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0);
        std::fs::write(&path, &damaged).unwrap();
        let Ok(store) = Store::open(&path, &Options::default()) else {
            failed += 1;
            continue;
        };
        let keys = store.keyspace(&space, Quotas::operator());
        let results = [
            keys.get("key-7").await.map(drop),
            keys.get_many(&["key-1", "key-59"]).await.map(drop),
            keys.list("", None, 1000).await.map(drop),
            keys.usage().await.map(drop),
            store.spaces(None, 10).map(drop),
            store.export(None, &mut Vec::new()).map(drop),
            store.backup(dir.path().join(format!("backup-{page}"))).map(drop),
            keys.set("key-8", "y", Expect::Any).await.map(drop),
        ];
        failed += usize::from(results.iter().any(Result::is_err));
    }
    assert!(failed > 0);
}

#[tokio::test]
async fn a_whole_file_verifies_and_so_do_its_backup_and_a_store_in_memory() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path().join("kv.redb"), &Options::default()).unwrap();
    for store in [&store, &Store::memory()] {
        for space in spaces() {
            let keys = store.keyspace(&space, Quotas::default());
            keys.set("a", "value", Expect::Any).await.unwrap();
            keys.set("b", "value", Expect::Any).await.unwrap();
            keys.increment("n", 5).await.unwrap();
            keys.delete("b", Expect::Any).await.unwrap();
        }
        let verified = store.verify().unwrap();
        assert!(verified.is_whole(), "{verified:?}");
        let count = u64::try_from(spaces().len()).unwrap();
        assert_eq!((verified.moved.spaces, verified.moved.entries), (count, 2 * count));
        assert_eq!(verified.moved.bytes, store.total_bytes().unwrap());
    }
    let copy = dir.path().join("copy.redb");
    store.backup(&copy).unwrap();
    let copy = Store::open(&copy, &Options::default()).unwrap();
    assert_eq!(copy.verify().unwrap(), store.verify().unwrap());
}

/// Damages each occurrence of a text in the file, and returns what the store then says.
async fn after_damage(from: &[u8], to: &[u8]) -> (Store, TempDir) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kv.redb");
    let store = Store::open(&path, &Options::default()).unwrap();
    let keys = store.keyspace(&Space::named("owner", "name").unwrap(), Quotas::default());
    keys.set("first-key", "first-value", Expect::Any).await.unwrap();
    keys.set("second-key", "second-value", Expect::Any).await.unwrap();
    drop((keys, store));
    let mut bytes = std::fs::read(&path).unwrap();
    let mut changed = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            changed += 1;
        }
    }
    assert!(changed > 0);
    std::fs::write(&path, bytes).unwrap();
    (Store::open(&path, &Options::default()).unwrap(), dir)
}

#[tokio::test]
async fn a_changed_value_is_an_error_and_other_keys_stay_readable() {
    let (store, dir) = after_damage(b"first-value", b"first-valuf").await;
    let keys = store.keyspace(&Space::named("owner", "name").unwrap(), Quotas::default());
    assert!(matches!(keys.get("first-key").await, Err(Error::Damaged { table: "values" })));
    assert!(matches!(keys.get_many(&["second-key", "first-key"]).await, Err(Error::Damaged { .. })));
    assert!(matches!(store.export(None, &mut Vec::new()), Err(Error::Damaged { .. })));
    assert!(matches!(store.backup(dir.path().join("copy")), Err(Error::Damaged { .. })));
    assert!(!dir.path().join("copy").exists());
    assert_eq!(&keys.get("second-key").await.unwrap().unwrap().value[..], b"second-value");
    let verified = store.verify().unwrap();
    let space = Space::named("owner", "name").unwrap();
    assert_eq!(verified.damage, [Damage::Value { space, key: "first-key".into() }]);
    assert_eq!(
        verified.damage[0].to_string(),
        "owner/name: the value of `first-key` is not what was written"
    );
    assert_eq!(verified.moved.entries, 1);
    // A write repairs the value, and others are not held up.
    keys.set("second-key", "again", Expect::Any).await.unwrap();
    keys.set("first-key", "mended-value", Expect::Any).await.unwrap();
    assert!(store.verify().unwrap().is_whole());
}

#[tokio::test]
async fn a_changed_key_is_an_error_and_never_an_absent_key() {
    let (store, _dir) = after_damage(b"first-key", b"firsu-key").await;
    let keys = store.keyspace(&Space::named("owner", "name").unwrap(), Quotas::default());
    assert!(matches!(keys.list("", None, 10).await, Err(Error::Damaged { table: "heads" })));
    assert!(matches!(keys.get("firsu-key").await, Err(Error::Damaged { table: "values" })));
    assert!(!store.verify().unwrap().is_whole());
    assert!(keys.get("second-key").await.unwrap().is_some());
}

#[tokio::test]
async fn a_changed_name_of_a_space_is_found() {
    let (store, _dir) = after_damage(b"\x00\x05owner", b"\x00\x05ownes").await;
    assert!(matches!(store.spaces(None, 10), Err(Error::Damaged { table: "spaces" })));
    let verified = store.verify().unwrap();
    assert!(verified.damage.contains(&Damage::Space { space: Some(Space::named("ownes", "name").unwrap()) }));
    assert_eq!(verified.moved.entries, 0);
}

/// Single bits all over the file: whatever they hit, nothing panics and nothing returns another value.
#[tokio::test]
async fn flipped_bits_never_change_what_a_read_returns() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kv.redb");
    let space = Space::named("o", "n").unwrap();
    let store = Store::open(&path, &Options::default()).unwrap();
    let keys = store.keyspace(&space, Quotas::operator());
    for index in 0..40 {
        keys.set(&format!("key-{index}"), vec![b'x'; 300], Expect::Any).await.unwrap();
    }
    drop((keys, store));
    let whole = std::fs::read(&path).unwrap();
    let (mut refused, mut read) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 400).filter(|at| whole[*at] != 0) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let Ok(store) = Store::open(&path, &Options::default()) else {
            refused += 1;
            continue;
        };
        let keys = store.keyspace(&space, Quotas::operator());
        for index in 0..40 {
            match keys.get(&format!("key-{index}")).await {
                Ok(Some(entry)) => {
                    assert!(entry.value.len() == 300 && entry.value.iter().all(|byte| *byte == b'x'));
                    read += 1;
                }
                // A damaged branch of the tree can lead past a key.
                Ok(None) => refused += 1,
                Err(_) => refused += 1,
            }
        }
        drop(store.verify());
    }
    assert!(refused > 0 && read > 0, "{refused} {read}");
}
