//! Kept code: loaded only when it is what this store wrote, whole, for this skill and engine; else compiled
//! again, with the reason, and the skill answers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ringfence::Digest;
use ringfence_store::{Gc, Miss, Origin, Problem, Warning};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::{chmod, clear, flip, pipe, replace};
use ringfence_store_tests::{Shelf, hex, other_host, runtime};

use crate::shelf;

/// The code of authentication and what stands before it, as the format has them.
const MAC: usize = 32;
const TRAILER: usize = 8 + 8 + 32 + 32 + 16;

fn kept(n: u32) -> (Shelf, Digest) {
    let shelf = shelf();
    let digest = shelf.submit("a", &answering(n)).expect("it is taken").receipt.digest;
    (shelf, digest)
}

/// The artifact that is there is refused; nothing is loaded from it where nothing can be compiled, `verify`
/// names it, and the skill answers.
#[track_caller]
fn expect_rejected(shelf: &Shelf, what: &str) -> Option<String> {
    expect_not_loaded(shelf, what);
    let digest = Digest::of(&answering(1));
    let found = shelf.verify().findings;
    assert_eq!(found.len(), 1, "{what}: {found:#?}");
    assert_eq!(found[0].problem, Problem::Artifact, "{what}");
    assert!(shelf.artifact(digest).ends_with(&found[0].path), "{what}: {found:#?}");
    let again = shelf.again();
    let loaded = again.load("a").unwrap_or_else(|error| panic!("{what}: {error}"));
    let Origin::Compiled { miss: Miss::Rejected(_), not_kept } = loaded.origin else {
        panic!("{what}: {:?}", loaded.origin);
    };
    again.expect("a", 1);
    not_kept
}

#[track_caller]
fn expect_not_loaded(shelf: &Shelf, what: &str) {
    let (loaded, miss) = shelf.without_compiler().load_seen("a");
    assert!(matches!(miss, Some(Miss::Rejected(_))), "{what}: {miss:?}");
    assert_eq!(loaded.expect_err(what).code(), "host-fault", "{what}");
}

/// As [`expect_rejected`], and good code takes its place.
#[track_caller]
fn expect_healed(shelf: &Shelf, what: &str) {
    assert_eq!(expect_rejected(shelf, what), None, "{what}");
    assert_eq!(shelf.again().load("a").expect(what).origin, Origin::Artifact, "{what}");
    shelf.expect_sound();
}

#[test]
fn loaded_from_a_file_once_and_from_memory_after() {
    let (shelf, digest) = kept(1);
    let other = shelf.without_compiler();
    assert_eq!(other.load("a").expect("it is kept").origin, Origin::Artifact);
    assert_eq!(other.load("a").expect("it is kept").origin, Origin::Memory);
    assert_eq!(other.load(&digest.to_string()).expect("it is kept").origin, Origin::Memory);
    other.expect("a", 1);
    other.library.forget(digest);
    assert_eq!(other.load("a").expect("it is kept").origin, Origin::Artifact);
    // The bytes of a file that is not in the store are kept as code.
    let load = |shelf: &Shelf| runtime().block_on(shelf.library.load_bytes(answering(2), |_| {}));
    let first = load(&shelf).expect("it runs").origin;
    assert_eq!(first, Origin::Compiled { miss: Miss::Absent, not_kept: None });
    assert_eq!(load(&other).expect("it is kept").origin, Origin::Artifact);
    shelf.refused(&Digest::of(&answering(2)).to_string(), "no-such-skill");
}

/// Offsets into an artifact of `size` bytes: its whole trailer and code of authentication, its ends, and a
/// sample of the rest that is another one in every run.
fn sample(size: usize) -> Vec<usize> {
    let tail = size - TRAILER - MAC;
    let mut offsets: Vec<usize> = (tail..size).chain(0..16).chain(tail - 16..tail).collect();
    while offsets.len() < 300 {
        let random = getrandom::u64().expect("random bytes");
        offsets.push(usize::try_from(random % tail as u64).expect("small"));
    }
    offsets
}

#[test]
fn no_bit_can_be_flipped() {
    let (shelf, digest) = kept(1);
    let path = shelf.artifact(digest);
    let good = fs::read(&path).expect("it is kept");
    let broken = shelf.without_compiler();
    let mut refused = 0;
    for (n, at) in sample(good.len()).into_iter().enumerate() {
        for bit in 0..8 {
            replace(&path, &good, 0o400);
            flip(&path, at, bit);
            let (loaded, miss) = broken.load_seen("a");
            assert!(loaded.is_err(), "bit {bit} of byte {at} was loaded");
            assert!(matches!(miss, Some(Miss::Rejected(_))), "bit {bit} of byte {at}: {miss:?}");
            refused += 1;
        }
        // The whole way for some.
        if n % 12 == 0 {
            expect_healed(&shelf, &format!("byte {at}"));
        }
    }
    assert_eq!(refused, 2400);
    // As it was, it is loaded: the refusals were for the bits.
    replace(&path, &good, 0o400);
    assert_eq!(broken.load("a").expect("it is whole").origin, Origin::Artifact);
}

#[test]
fn cut_off_or_added_to() {
    let (shelf, digest) = kept(1);
    let path = shelf.artifact(digest);
    let good = fs::read(&path).expect("it is kept");
    let size = good.len();
    let near = [1, 2, 31, 32, 33, 95, 96, 97, 127, 128, 129, 130, 1024, 4096].map(|less| size - less);
    let far = [0, 1, 31, 32, 33, 127, 128, 129, 4096, size / 2];
    for length in near.into_iter().chain(far) {
        replace(&path, &good[..length], 0o400);
        expect_not_loaded(&shelf, &format!("{length} of {size} bytes"));
    }
    for more in [&b"\0"[..], b"\n", &[0; 4096], &good[size - MAC..], &good[size - MAC - TRAILER..], &good] {
        replace(&path, &[&good, more].concat(), 0o400);
        expect_not_loaded(&shelf, &format!("{} bytes more", more.len()));
        replace(&path, &[more, &good].concat(), 0o400);
        expect_not_loaded(&shelf, &format!("{} bytes before", more.len()));
    }
    expect_healed(&shelf, "bytes before");
}

#[test]
fn of_another_skill() {
    let (shelf, digest) = kept(1);
    shelf.put("b", &answering(2));
    let other = shelf.artifact(Digest::of(&answering(2)));
    replace(&shelf.artifact(digest), &fs::read(&other).expect("it is kept"), 0o400);
    expect_healed(&shelf, "another skill's");
    shelf.again().expect("b", 2);
}

#[test]
fn of_another_engine() {
    let (shelf, digest) = kept(1);
    let other = shelf.on(other_host());
    let loaded = other.load("a").expect("it runs there as well");
    assert_eq!(loaded.origin, Origin::Compiled { miss: Miss::Absent, not_kept: None });
    let (ours, theirs) = (shelf.artifact(digest), other.artifact(digest));
    assert_ne!(ours, theirs);
    replace(&ours, &fs::read(&theirs).expect("it is kept"), 0o400);
    expect_healed(&shelf, "another engine's");
    // Code of an engine that may be in use stays, unless it is asked for.
    let fingerprint = shelf.library.host().fingerprint();
    let collected = shelf.store().gc(Gc::default(), fingerprint).expect("it frees");
    assert_eq!((collected.stale.files, collected.unused.files), (0, 0));
    assert!(theirs.exists());
    let mut all = Gc::default();
    all.other_engines = true;
    let collected = shelf.store().gc(all, fingerprint).expect("it frees");
    assert_eq!((collected.stale.files, collected.unused.files), (1, 0));
    assert!(!theirs.parent().expect("a directory").exists() && ours.exists());
    shelf.again().expect("a", 1);
}

#[test]
fn not_a_file_of_ours() {
    type Spoil = fn(&Path, &[u8]);
    let spoil: [(&str, Spoil); 10] = [
        ("empty", |path, _| replace(path, b"", 0o400)),
        ("zeros", |path, good| replace(path, &vec![0; good.len()], 0o400)),
        ("garbage", |path, _| replace(path, &b"\x7fELF garbage".repeat(1_000), 0o400)),
        ("group writes", |path, _| chmod(path, 0o620)),
        ("others write", |path, _| chmod(path, 0o602)),
        ("two names", |path, _| fs::hard_link(path, path.with_file_name("../../../twin")).expect("a link")),
        ("link to the very bytes", |path, good| {
            let elsewhere = path.with_file_name("../../../elsewhere");
            replace(&elsewhere, good, 0o400);
            clear(path);
            symlink("../../../elsewhere", path).expect("a link");
        }),
        ("link to nowhere", |path, _| {
            clear(path);
            symlink("/nonexistent", path).expect("a link");
        }),
        ("link to itself", |path, _| {
            clear(path);
            symlink(path, path).expect("a link");
        }),
        ("pipe", |path, _| {
            clear(path);
            pipe(path);
        }),
    ];
    for (what, spoil) in spoil {
        let (shelf, digest) = kept(1);
        let path = shelf.artifact(digest);
        let good = fs::read(&path).expect("it is kept");
        spoil(&path, &good);
        expect_healed_beside(&shelf, what);
        let elsewhere = shelf.dir.path().join("elsewhere");
        if elsewhere.exists() {
            assert_eq!(fs::read(elsewhere).expect("it is there"), good, "{what}");
        }
    }
}

/// As [`expect_healed`], where something was put into the store's root as well.
#[track_caller]
fn expect_healed_beside(shelf: &Shelf, what: &str) {
    for stray in ["twin", "elsewhere"] {
        let stray = shelf.root.join(stray);
        if stray.exists() {
            fs::rename(&stray, shelf.dir.path().join(stray.file_name().expect("a name"))).expect("it moves");
        }
    }
    expect_healed(shelf, what);
}

#[test]
fn a_directory_in_place_of_code_is_left_alone() {
    let (shelf, digest) = kept(1);
    let path = shelf.artifact(digest);
    clear(&path);
    fs::create_dir(&path).expect("a directory");
    fs::write(path.join("mine"), "mine").expect("a file");
    assert!(expect_rejected(&shelf, "directory").is_some(), "it cannot be kept there");
    assert!(path.join("mine").exists());
}

#[test]
fn a_link_in_place_of_the_directory_is_not_followed() {
    let (shelf, digest) = kept(1);
    let engine = shelf.root.join("artifacts").join(hex(shelf.library.host().fingerprint()));
    let elsewhere = shelf.dir.path().join("elsewhere");
    fs::rename(&engine, &elsewhere).expect("it moves");
    symlink(&elsewhere, &engine).expect("a link");
    let loaded = shelf.again().load("a").expect("it runs");
    assert!(matches!(loaded.origin, Origin::Compiled { miss: Miss::Unreadable(_), not_kept: Some(_) }));
    let found = shelf.verify().findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].problem, Problem::Foreign);
    shelf.store().gc(Gc::default(), other_host().fingerprint()).expect("it frees");
    assert!(elsewhere.join(format!("{}.cwasm", hex(digest))).exists() && engine.is_symlink());
}

#[test]
fn a_submission_reports_foreign_code() {
    let (shelf, digest) = kept(1);
    flip(&shelf.artifact(digest), 100, 0);
    let taken = shelf.again().submit("b", &answering(1)).expect("it is taken");
    assert!(matches!(&taken.warnings[..], [Warning::ArtifactRejected { .. }]), "{:?}", taken.warnings);
    assert!(taken.code.is_some());
    shelf.expect_sound();
}

#[test]
fn missing_code_is_compiled_and_stored() {
    let (shelf, digest) = kept(1);
    clear(&shelf.artifact(digest));
    shelf.expect_sound();
    let loaded = shelf.again().load("a").expect("it runs");
    assert_eq!(loaded.origin, Origin::Compiled { miss: Miss::Absent, not_kept: None });
    assert_eq!(shelf.again().load("a").expect("it runs").origin, Origin::Artifact);
}
