//! A store belongs to one user: nobody else can write to it or read what it keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ringfence_store::Store;
use ringfence_store_tests::code;
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{chmod, mode, tree};

use crate::shelf;

#[test]
fn a_root_that_others_can_write_to_is_refused() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    for open in [0o720, 0o702, 0o770, 0o777, 0o1777] {
        chmod(&shelf.root, open);
        assert_eq!(code(&Store::open(&shelf.root)), "store-unsafe", "{open:o}");
        assert_eq!(code(&Store::open_or_make(&shelf.root)), "store-unsafe", "{open:o}");
        assert_eq!(mode(&shelf.root), open);
    }
    for closed in [0o700, 0o750, 0o755] {
        chmod(&shelf.root, closed);
        assert_eq!(code(&Store::open(&shelf.root)), "ok", "{closed:o}");
    }
}

#[test]
fn everything_is_for_its_owner_only() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("a", &answering(2));
    shelf.set_policy(|policy| policy.skills = 5);
    shelf.store().revoke(ringfence::Digest::of(&answering(1)), None).expect("it is revoked");
    let mut seen = [0, 0];
    check(&shelf.root, &mut seen);
    assert_eq!(mode(&shelf.root), 0o700);
    // names, components, artifacts and its engine, revoked, scratch; format, lock, turn, key, policy.json, a record,
    // two components, an artifact, a revocation.
    assert_eq!(seen, [6, 10], "{:#?}", tree(&shelf.root));
}

fn check(dir: &Path, seen: &mut [u32; 2]) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let bits = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            assert_eq!(bits, 0o700, "{}", path.display());
            seen[0] += 1;
            check(&path, seen);
        } else {
            assert!(bits == 0o600 || bits == 0o400, "{bits:o} {}", path.display());
            seen[1] += 1;
        }
    }
}

/// A link to a file somewhere else in the place of the lock: that file stays as it is.
#[test]
fn a_lock_with_another_name_is_not_written_to() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    let elsewhere = shelf.dir.path().join("elsewhere");
    fs::write(&elsewhere, "precious").expect("a file");
    let lock = shelf.root.join("lock");
    fs::remove_file(&lock).expect("it is there");
    fs::hard_link(&elsewhere, &lock).expect("a link");
    assert_eq!(code(&shelf.submit("b", &answering(2))), "foreign-file");
    let _ = Store::open(&shelf.root);
    assert_eq!(fs::read(&elsewhere).expect("it is there"), b"precious");
}

/// A process that stands still while it holds the lock keeps no reader waiting.
#[test]
fn readers_do_not_wait() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    let lock = fs::OpenOptions::new().write(true).open(shelf.root.join("lock")).expect("it is there");
    lock.lock().expect("it is free");
    std::io::Write::write_all(&mut &lock, b"a\n").expect("a note");
    // A change waits for it, and gives up when it has waited for long.
    let writer = shelf.again();
    let writer = std::thread::spawn(move || code(&writer.submit("b", &answering(2))));
    shelf.again().expect("a", 1);
    // So whoever reads is done before a change gives up: it is taken once the lock is free.
    lock.unlock().expect("it is held");
    assert_eq!(writer.join().expect("it ends"), "ok");
}

#[test]
fn an_empty_directory_becomes_a_store_and_a_full_one_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    chmod(&empty, 0o755);
    assert_eq!(code(&Store::open_or_make(&empty)), "ok");
    assert_eq!(mode(&empty), 0o700);
    for (n, thing) in ["notes.txt", "Names", ".git", "names2", "draft-0123456789abcdef"].iter().enumerate() {
        let full = dir.path().join(format!("full-{n}"));
        fs::create_dir(&full).expect("a directory");
        fs::write(full.join(thing), "mine").expect("a file");
        let before = tree(&full);
        assert_eq!(code(&Store::open_or_make(&full)), "store-format", "{thing}");
        assert_eq!(code(&Store::open(&full)), "store-format", "{thing}");
        assert_eq!(tree(&full), before, "{thing}");
    }
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("a file");
    assert_ne!(code(&Store::open_or_make(&file)), "ok");
    assert_eq!(fs::read(&file).expect("it is there"), b"mine");
}

#[test]
fn a_store_of_another_format_is_left_alone() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    for other in ["ringfence store 2\n", "ringfence store 1", "", "ringfence store 1\n\n"] {
        fs::write(shelf.root.join("format"), other).expect("it is ours");
        let before = tree(&shelf.root);
        assert_eq!(code(&Store::open(&shelf.root)), "store-format", "{other:?}");
        assert_eq!(code(&Store::open_or_make(&shelf.root)), "store-format", "{other:?}");
        assert_eq!(tree(&shelf.root), before);
    }
}

#[test]
fn a_store_that_was_half_made_is_finished() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("store");
    fs::create_dir_all(root.join("scratch")).expect("a directory");
    fs::write(root.join("scratch/draft-0123456789abcdef"), "ringf").expect("a file");
    assert_eq!(code(&Store::open(&root)), "no-store");
    assert_eq!(code(&Store::open_or_make(&root)), "ok");
    assert!(!root.join("scratch/draft-0123456789abcdef").exists());
}
