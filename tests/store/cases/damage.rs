//! A bad disk: whatever bit flips, `verify` names that file, the other skills run, and nothing is removed that
//! may be needed.

use std::fs;
use std::path::Path;

use ringfence::Digest;
use ringfence_store::{Gc, Problem};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{clear, flip, replace, tree};
use ringfence_store_tests::{Shelf, by, code, name};

use crate::shelf;

fn prepared() -> Shelf {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("b", &answering(2));
    shelf
}

/// Exactly one thing is wrong: this file, in this way, and these skills with it.
#[track_caller]
fn expect_named(shelf: &Shelf, path: &Path, problem: Problem, skills: &[&str]) {
    let found = shelf.verify();
    assert!(!found.is_sound());
    assert_eq!(found.findings.len(), 1, "{:#?}", found.findings);
    let finding = &found.findings[0];
    assert!(path.ends_with(&finding.path), "{finding:#?}");
    assert_eq!(
        (finding.problem, &finding.skills[..]),
        (problem, &skills.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
    );
}

/// Offsets all over a file.
fn offsets(path: &Path) -> Vec<usize> {
    let size = usize::try_from(fs::metadata(path).expect("it is there").len()).expect("small");
    (0..size).step_by((size / 40).max(1)).chain([size - 1, size - 2]).collect()
}

#[test]
fn a_record() {
    let shelf = prepared();
    let path = shelf.record("a");
    let good = fs::read(&path).expect("it is there");
    for at in offsets(&path) {
        for bit in [0, 5, 7] {
            replace(&path, &good, 0o600);
            flip(&path, at, bit);
            let again = shelf.again();
            // Letters of the checksum may change their case: that is the same number.
            if again.answer("a").is_ok() {
                let same = fs::read(&path).expect("it is there").eq_ignore_ascii_case(&good);
                assert!(same && at > good.len() - 67, "bit {bit} of byte {at} is not seen");
                continue;
            }
            again.refused("a", "damaged");
            again.refused("a@1", "damaged");
            again.expect("b", 2);
            expect_named(&again, &path, Problem::Damaged, &["a"]);
        }
    }
    replace(&path, &good, 0o600);
    flip(&path, 10, 0);
    let again = shelf.again();
    assert_eq!(code(&again.submit("a", &answering(3))), "damaged");
    assert_eq!(code(&again.store().remove(&name("a"), None, None)), "damaged");
    let before = tree(&shelf.root.join("components"));
    assert_eq!(code(&again.store().gc(Gc::new(Some(0)), again.library.host().fingerprint())), "damaged");
    // What another name frees stays for the same reason: it is not known who else points at it.
    again.store().remove(&name("b"), None, None).expect("it is there");
    assert_eq!(tree(&shelf.root.join("components")), before);
    let listed = again.store().list().expect("it lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(code(&listed.into_iter().next().expect("one").record), "damaged");
    // Mended by hand, all is as it was, and `gc` works.
    replace(&path, &good, 0o600);
    shelf.again().expect("a", 1);
    again.store().gc(Gc::default(), again.library.host().fingerprint()).expect("it frees");
    shelf.expect_sound();
}

#[test]
fn a_record_of_every_length() {
    let shelf = prepared();
    let path = shelf.record("a");
    let good = fs::read(&path).expect("it is there");
    for length in 0..good.len() {
        replace(&path, &good[..length], 0o600);
        assert_eq!(code(&shelf.store().record(&name("a"))), "damaged", "{length} bytes");
    }
    replace(&path, &[&good[..], b"\n"].concat(), 0o600);
    assert_eq!(code(&shelf.store().record(&name("a"))), "damaged");
    replace(&path, &vec![b' '; (1 << 20) + 1], 0o600);
    assert_eq!(code(&shelf.store().record(&name("a"))), "damaged");
}

#[test]
fn a_component() {
    let shelf = prepared();
    let digest = Digest::of(&answering(1));
    let path = shelf.component(digest);
    let good = fs::read(&path).expect("it is there");
    for at in offsets(&path) {
        replace(&path, &good, 0o600);
        flip(&path, at, 2);
        expect_named(&shelf, &path, Problem::Damaged, &["a@1"]);
    }
    // Its code is whole, and that is what runs; without the code it is refused.
    shelf.again().expect("a", 1);
    clear(&shelf.artifact(digest));
    shelf.again().refused("a", "damaged");
    shelf.again().expect("b", 2);
    // Submitted again, it is healed, under whatever name.
    let receipt = shelf.again().submit_as(&answering(1), by("bob", "c")).expect("it is taken").receipt;
    assert_eq!(receipt.digest, digest);
    shelf.again().expect("a", 1);
    shelf.expect_sound();
    clear(&path);
    expect_named(&shelf, &path, Problem::Missing, &["a@1", "c@1"]);
    shelf.again().put("a", &answering(1));
    shelf.expect_sound();
    assert_eq!(fs::read(&path).expect("it is there"), good);
}

#[test]
fn a_policy() {
    let shelf = prepared();
    shelf.set_policy(|policy| policy.skills = 2);
    let path = shelf.root.join("policy.json");
    let good = fs::read(&path).expect("it is there");
    for at in offsets(&path) {
        replace(&path, &good, 0o600);
        flip(&path, at, 0);
        expect_named(&shelf, &path, Problem::Damaged, &[]);
        // Nothing is taken in by caps that are not known, and everything else goes on.
        assert_eq!(code(&shelf.submit("c", &answering(3))), "damaged", "byte {at}");
        shelf.expect("a", 1);
    }
    shelf.again().expect("b", 2);
    shelf.again().store().remove(&name("b"), None, None).expect("it is there");
    shelf.set_policy(|_| {});
    shelf.put("c", &answering(3));
    shelf.expect_sound();
}

#[test]
fn a_revocation() {
    let shelf = prepared();
    let digest = Digest::of(&answering(1));
    shelf.store().revoke(digest, Some("why")).expect("it is revoked");
    let path = shelf.revocation(digest);
    let good = fs::read(&path).expect("it is there");
    for at in offsets(&path) {
        replace(&path, &good, 0o600);
        flip(&path, at, 0);
        expect_named(&shelf, &path, Problem::Damaged, &[]);
        shelf.refused("a", "revoked");
        shelf.expect("b", 2);
    }
}

#[test]
fn a_key() {
    let shelf = prepared();
    let path = shelf.root.join("key");
    for at in 0..32 {
        flip(&path, at, 4);
        let found = shelf.verify().findings;
        // A key looks like any other: it is the code that does not fit it.
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found.iter().all(|finding| finding.problem == Problem::Artifact), "{found:#?}");
        flip(&path, at, 4);
        shelf.expect_sound();
    }
    flip(&path, 0, 0);
    shelf.again().expect("a", 1);
    shelf.again().expect("b", 2);
    shelf.expect_sound();
}

#[test]
fn leftovers_are_named_and_freed() {
    let shelf = prepared();
    let stray = shelf.component(Digest::of(&answering(7)));
    replace(&stray, &answering(7), 0o600);
    let found = shelf.verify();
    assert!(found.is_sound());
    assert_eq!(found.findings.len(), 1);
    assert_eq!(found.findings[0].problem, Problem::Leftover);
    replace(&shelf.root.join("scratch/draft-0123456789abcdef"), b"half", 0o600);
    let collected = shelf.store().gc(Gc::default(), shelf.library.host().fingerprint()).expect("it frees");
    assert_eq!((collected.drafts, collected.unused.files), (1, 1));
    assert!(!stray.exists());
    shelf.expect_sound();
}
