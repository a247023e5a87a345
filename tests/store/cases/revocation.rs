//! What is revoked runs under no name and no digest, now and later, whatever becomes of the file that says so.

use std::fs;
use std::os::unix::fs::symlink;

use ringfence::{Call, CancellationToken, Digest, RunError};
use ringfence_store::{Problem, Revoke, RevokedNow};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{clear, flip, pipe, replace};
use ringfence_store_tests::{Shelf, by, code, name, runtime, version};

use crate::shelf;

/// Every way to run the bytes that answer 1, which are `a@1` and `b`.
#[track_caller]
fn expect_revoked(shelf: &Shelf) {
    let digest = Digest::of(&answering(1));
    for reference in ["a@1", "b", "b@1", &digest.to_string()] {
        shelf.refused(reference, "revoked");
    }
    let loaded = runtime().block_on(shelf.library.load_bytes(answering(1), |_| {}));
    assert_eq!(code(&loaded), "revoked");
    for of in ["a", "b", "c"] {
        assert_eq!(code(&shelf.submit(of, &answering(1))), "revoked");
    }
    assert_eq!(code(&shelf.submit_as(&answering(1), by("mallory", "d"))), "revoked");
    assert_eq!(code(&shelf.store().roll_back(&name("a"), Some(&version("1")), None)), "revoked");
    shelf.expect("a", 2);
}

fn prepared() -> (Shelf, Digest) {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("a", &answering(2));
    shelf.put("b", &answering(1));
    (shelf, Digest::of(&answering(1)))
}

/// Kept in memory for lists: each revocation by whatever process is there at the next question, and nothing is read again
/// while there is none.
#[test]
fn all_revocations_are_known_at_the_next_question() {
    let (shelf, first) = prepared();
    let revoked = RevokedNow::default();
    let folder = fs::File::open(shelf.store().path().join("revoked")).expect("it is there");
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let settle = || folder.set_modified(long_ago).expect("it is ours");
    settle();
    let none = revoked.of(shelf.store()).expect("it can be seen");
    assert!(none.is_empty());
    assert!(std::sync::Arc::ptr_eq(&none, &revoked.of(shelf.store()).expect("it can be seen")));
    // However quickly one follows the other.
    let other = shelf.again();
    let mut all = std::collections::HashSet::new();
    for digest in [first, Digest::of(b"another"), Digest::of(b"a third")] {
        other.store().revoke(digest, None).expect("it is revoked");
        all.insert(digest);
        assert_eq!(*revoked.of(shelf.store()).expect("it can be seen"), all);
    }
    // A time of long ago, and another one than before: read once more, and then no more.
    settle();
    let known = revoked.of(shelf.store()).expect("it can be seen");
    assert_eq!(*known, all);
    assert!(std::sync::Arc::ptr_eq(&known, &revoked.of(shelf.store()).expect("it can be seen")));
}

#[test]
fn revoked_is_revoked_everywhere() {
    let (shelf, digest) = prepared();
    let other = shelf.again();
    // Both have it in memory.
    shelf.expect("b", 1);
    other.expect("b", 1);
    shelf.store().revoke(digest, Some("it is evil\u{1b}[31m")).expect("it is revoked");
    assert!(!shelf.artifact(digest).exists());
    expect_revoked(&shelf);
    expect_revoked(&other);
    expect_revoked(&shelf.again());
    let error = shelf.refused("b", "revoked").to_string();
    assert!(error.contains("it is evil") && !error.contains('\u{1b}'), "{error:?}");
    // Again, with another reason: the first one stays.
    shelf.store().revoke(digest, Some("other")).expect("it is revoked already");
    assert!(shelf.refused("b", "revoked").to_string().contains("it is evil"));
    // Not even when every name of it is gone and it comes anew.
    shelf.store().remove(&name("b"), None, None).expect("it is there");
    assert_eq!(code(&shelf.again().submit("b", &answering(1))), "revoked");
    shelf.expect_sound();
}

#[test]
fn an_unknown_digest_can_be_revoked() {
    let shelf = shelf();
    shelf.store().revoke(Digest::of(&answering(1)), None).expect("it is revoked");
    assert_eq!(code(&shelf.submit("a", &answering(1))), "revoked");
    assert!(!shelf.record("a").exists());
}

#[test]
fn a_held_version_that_is_revoked_is_not_released() {
    let shelf = shelf();
    let mut held = by("alice", "a");
    held.hold = true;
    shelf.submit_as(&answering(1), held).expect("it is taken");
    shelf.store().revoke(Digest::of(&answering(1)), None).expect("it is revoked");
    assert_eq!(code(&shelf.release("a", "1")), "revoked");
}

#[test]
fn any_file_in_place_of_a_revocation_counts_as_one() {
    type Spoil = fn(&std::path::Path);
    let spoil: [(&str, Spoil); 8] = [
        ("flipped", |path| flip(path, 20, 3)),
        ("empty", |path| replace(path, b"", 0o600)),
        ("garbage", |path| replace(path, &[0xff; 5_000], 0o600)),
        ("too long", |path| replace(path, &[b' '; 70_000], 0o600)),
        ("link to nowhere", |path| {
            clear(path);
            symlink("/nonexistent", path).expect("a link");
        }),
        ("link to a file", |path| {
            clear(path);
            symlink("/dev/null", path).expect("a link");
        }),
        ("directory", |path| {
            clear(path);
            fs::create_dir(path).expect("a directory");
        }),
        ("pipe", |path| {
            clear(path);
            pipe(path);
        }),
    ];
    for (what, spoil) in spoil {
        let (shelf, digest) = prepared();
        shelf.store().revoke(digest, None).expect("it is revoked");
        let path = shelf.revocation(digest);
        spoil(&path);
        expect_revoked(&shelf.again());
        let found = shelf.verify().findings;
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
        assert!(path.ends_with(&found[0].path), "{what}: {found:#?}");
        assert_eq!(found[0].problem, Problem::Damaged, "{what}");
        // To revoke it once more is no error, and changes nothing.
        shelf.store().revoke(digest, None).expect("it counts as revoked");
        expect_revoked(&shelf);
    }
}

/// A skill that this process has loaded, revoked by another one: from then on no run of it begins here, also no call
/// that was made before.
#[test]
fn after_a_revocation_no_run_begins() {
    let (shelf, digest) = prepared();
    let other = shelf.again();
    let skill = shelf.load("b").expect("it runs").skill;
    let call = |skill| shelf.library.begin(skill, "run", &CancellationToken::new());
    let run = |call: Call| runtime().block_on(call.json("{}"));
    assert_eq!(run(call(&skill)).expect("a run").outcome.name(), "completed");
    let before = call(&skill);
    other.store().revoke(digest, Some("it is evil")).expect("it is revoked");
    for call in [before, call(&skill)] {
        let Err(RunError::Revoked { reason, skill }) = run(call) else { panic!("it began") };
        assert_eq!((reason.as_deref(), skill), (Some("it is evil"), digest));
    }
    // Others go on.
    let skill = shelf.load("a").expect("it runs").skill;
    assert_eq!(run(call(&skill)).expect("a run").outcome.name(), "completed");
}

#[test]
fn a_revocation_cancels_runs_if_requested() {
    let (shelf, digest) = prepared();
    let other = shelf.again();
    let (evil, good) = (shelf.load("b").expect("it runs").skill, shelf.load("a").expect("it runs").skill);
    let tokens: [CancellationToken; 3] = std::array::from_fn(|_| CancellationToken::new());
    let _first = shelf.library.begin(&evil, "run", &tokens[0]);
    let ended = shelf.library.begin(&evil, "run", &tokens[1]);
    let _good = shelf.library.begin(&good, "run", &tokens[2]);
    drop(ended);
    let cancelled = || runtime().block_on(shelf.library.cancel_revoked());
    assert_eq!(cancelled(), 0);
    // Without being asked for, runs go on to their end.
    other.store().revoke(digest, Some("it is evil")).expect("it is revoked");
    assert_eq!(cancelled(), 0);
    let mut revoke = Revoke::new(Some("another reason"));
    revoke.cancel_running = true;
    other.store().revoke_as(digest, &revoke).expect("its runs are cancelled");
    assert_eq!(cancelled(), 1);
    assert_eq!(tokens.map(|token| token.is_cancelled()), [true, false, false]);
    // The reason is that of the first time.
    let said = shelf.store().revocation(digest).expect("it can be read");
    assert_eq!((said.reason.as_deref(), said.cancel_running), (Some("it is evil"), true));
    shelf.expect_sound();
}

#[test]
fn the_revoker_is_recorded() {
    let (shelf, digest) = prepared();
    let mut revoke = Revoke::new(None);
    revoke.by = Some("mallory\u{1b}[31m".to_owned());
    shelf.store().revoke_as(digest, &revoke).expect("it is revoked");
    assert_eq!(
        shelf.store().revocation(digest).expect("it can be read").by.as_deref(),
        Some("mallory\u{fffd}[31m")
    );
    assert_eq!(shelf.refused("b", "revoked").to_string().matches("mallory").count(), 0);
}
