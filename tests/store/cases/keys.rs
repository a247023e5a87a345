//! The key of a store: without a good one nothing is kept or loaded from a file, and everything still runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ringfence_store::{Miss, Origin, Problem};
use ringfence_store_tests::Shelf;
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{chmod, clear, pipe, replace};

use crate::shelf;

/// Loads where every artifact must be refused, though the skill answers.
#[track_caller]
fn compiled(shelf: &Shelf) -> (Miss, Option<String>) {
    let loaded = shelf.again().load("a").expect("it runs all the same");
    shelf.again().expect("a", 1);
    match loaded.origin {
        Origin::Compiled { miss, not_kept } => (miss, not_kept),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_key_keeps_nothing() {
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil); 10] = [
        ("empty", |key| replace(key, b"", 0o600)),
        ("31 bytes", |key| replace(key, &[7; 31], 0o600)),
        ("33 bytes", |key| replace(key, &[7; 33], 0o600)),
        ("others read", |key| chmod(key, 0o604)),
        ("others write", |key| chmod(key, 0o602)),
        ("group reads", |key| chmod(key, 0o640)),
        ("group writes", |key| chmod(key, 0o620)),
        ("link to itself elsewhere", |key| {
            fs::rename(key, key.with_file_name("../key2")).expect("it moves");
            symlink("../key2", key).expect("a link");
        }),
        ("directory", |key| {
            clear(key);
            fs::create_dir(key).expect("a directory");
        }),
        ("pipe", |key| {
            clear(key);
            pipe(key);
        }),
    ];
    for (what, spoil) in spoil {
        let shelf = shelf();
        shelf.put("a", &answering(1));
        spoil(&shelf.root.join("key"));
        let (miss, not_kept) = compiled(&shelf);
        assert!(matches!(&miss, Miss::Unreadable(reason) if reason.contains("key")), "{what}: {miss:?}");
        assert!(not_kept.is_some(), "{what}");
        let found = shelf.verify();
        let key = found.findings.iter().find(|finding| finding.path == "key").expect(what);
        assert!(matches!(key.problem, Problem::Damaged | Problem::Foreign), "{what}: {key:?}");
        // What is taken in now is taken, and compiled by the next.
        shelf.again().put("b", &answering(2));
        shelf.again().expect("b", 2);
    }
}

#[test]
fn a_missing_key_is_replaced_and_old_code_is_refused() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    clear(&shelf.root.join("key"));
    let found = shelf.verify();
    assert!(found.findings.iter().all(|finding| finding.problem == Problem::Artifact), "{found:#?}");
    assert_eq!(found.findings.len(), 1);
    let loaded = shelf.again().load("a").expect("it runs");
    assert!(matches!(
        loaded.origin,
        Origin::Compiled { miss: Miss::Rejected(reason), not_kept: None } if reason.contains("key")
    ));
    assert_eq!(shelf.again().load("a").expect("it runs").origin, Origin::Artifact);
    shelf.expect_sound();
}

#[test]
fn code_made_under_another_key_is_not_loaded() {
    let (ours, theirs) = (shelf(), shelf());
    let digest = ours.submit("a", &answering(1)).expect("it is taken").receipt.digest;
    theirs.put("a", &answering(1));
    assert_ne!(
        fs::read(ours.root.join("key")).expect("a key"),
        fs::read(theirs.root.join("key")).expect("a key")
    );
    replace(&ours.artifact(digest), &fs::read(theirs.artifact(digest)).expect("it is kept"), 0o400);
    let (miss, not_kept) = compiled(&ours);
    assert!(matches!(miss, Miss::Rejected(reason) if reason.contains("authentication")));
    assert_eq!(not_kept, None);
}
