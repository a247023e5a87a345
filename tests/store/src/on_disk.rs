//! `store-on-disk CASE CHILD DIR`: a store on a small file system that fills up, or that becomes read-only, or under a
//! limit on the size of files. Mounts it on `DIR`, so it runs in a mount namespace of its own; but for the limit.
//! Panics when a promise is not kept.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use ringfence::Digest;
use ringfence_store::{Gc, Miss, Origin};
use ringfence_store_tests::components::{answering, sized};
use ringfence_store_tests::files::{clear, tree};
use ringfence_store_tests::{Shelf, code, host, library, name};

const PAGE: u64 = 4096;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [case, child, dir] = &args[..] else {
        panic!("usage: store-on-disk CASE CHILD DIR");
    };
    let (child, dir) = (Path::new(child), Path::new(dir));
    match case.as_str() {
        "full" => full(child, dir),
        "files" => files(child, dir),
        "read-only" => read_only(child, dir),
        "limited" => limited(child, dir),
        other => panic!("no case {other}"),
    }
}

fn mount(dir: &Path, options: &str) {
    let done = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(dir)
        .status()
        .expect("mount is there");
    assert!(done.success(), "mount {options}");
}

/// A store on that file system; the directory stays when the shelf goes.
fn shelf(child: &Path, dir: &Path) -> Shelf {
    let root = dir.join("store");
    let library = library(&root, child, host()).expect("a store");
    let nowhere = tempfile::tempdir().expect("a directory");
    Shelf { dir: std::sync::Arc::new(nowhere), root, child: child.to_owned(), library }
}

/// Fills the file system with a file beside the store, but for so many bytes.
fn fill(dir: &Path, left: u64) {
    let path = dir.join("ballast");
    clear(&path);
    let mut ballast = fs::File::create(&path).expect("a file");
    let page = [0; PAGE as usize];
    while ballast.write_all(&page).is_ok() {}
    let size = ballast.metadata().expect("it is open").len();
    ballast.set_len((size / PAGE * PAGE).saturating_sub(left)).expect("it shrinks");
}

/// After a refusal: nothing of it is there, and what was there runs.
fn expect_as_before(shelf: &Shelf, refused: &str, bytes: &[u8], level: &str) {
    let again = shelf.again();
    let found = again.verify();
    assert!(found.findings.is_empty(), "{level}: {:#?}", found.findings);
    assert_eq!(code(&again.answer(refused)), "no-such-skill", "{level}");
    assert!(!again.component(Digest::of(bytes)).exists(), "{level}: the component was left");
    again.expect("old", 1);
}

fn full(child: &Path, dir: &Path) {
    mount(dir, "size=4m,mode=700");
    let shelf = shelf(child, dir);
    shelf.put("old", &answering(1));
    let (mut taken, mut refused) = (0, 0);
    for level in 0..40 {
        let left = level * PAGE;
        // Three pages, so that it may end in the middle of a file.
        let bytes = sized(2, 10_000);
        fill(dir, left);
        let what = format!("{left} bytes left");
        match shelf.again().submit("new", &bytes) {
            Ok(_) => {
                shelf.again().expect("new", 2);
                assert!(shelf.again().verify().is_sound(), "{what}");
                shelf.again().expect("old", 1);
                taken += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), "disk-full", "{what}: {error}");
                expect_as_before(&shelf, "new", &bytes, &what);
                refused += 1;
            }
        }
        // On the full disk: what is asked for is removed, or nothing is.
        if shelf.store().record(&name("new")).expect("it is whole").is_some() {
            shelf.store().remove(&name("new"), None, None).expect("a removal needs no room");
        }
        clear(&dir.join("ballast"));
        shelf.store().gc(Gc::default(), host().fingerprint()).expect("it frees");
        shelf.expect_sound();
    }
    assert!(taken >= 5 && refused >= 3, "{taken} taken, {refused} refused");
    println!("done: {taken} taken, {refused} refused");
}

/// No file may be larger than the limit that this process was started with: a write is refused in the middle of a
/// file, as on a full disk. Needs no rights, and so stands in where nothing can be mounted.
fn limited(child: &Path, dir: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    // SIGXFSZ: with somebody who listens, the write fails and the process lives.
    let kind = tokio::signal::unix::SignalKind::from_raw(25);
    let _listens = tokio::signal::unix::signal(kind).expect("it can be listened to");
    let shelf = shelf(child, dir);
    let bytes = sized(2, 10_000);
    match shelf.submit("new", &bytes) {
        Ok(_) => println!("done: taken"),
        Err(error) => {
            assert_eq!(error.code(), "disk-full", "{error}");
            expect_as_before(&shelf, "new", &bytes, "limited");
            println!("done: refused");
        }
    }
}

/// Room for bytes, and none for names of files: each step of a submission fails in turn.
fn files(child: &Path, dir: &Path) {
    mount(dir, "size=4m,nr_inodes=60,mode=700");
    let shelf = shelf(child, dir);
    shelf.put("old", &answering(1));
    let (mut taken, mut refused) = (0, 0);
    for left in 0..6 {
        let ballast = dir.join("ballast");
        fs::create_dir(&ballast).expect("a directory");
        let mut made = 0;
        while fs::File::create(ballast.join(made.to_string())).is_ok() {
            made += 1;
        }
        for free in 0..left {
            fs::remove_file(ballast.join(free.to_string())).expect("it is there");
        }
        let bytes = answering(2);
        let what = format!("{left} files left");
        match shelf.again().submit("new", &bytes) {
            Ok(_) => {
                shelf.again().expect("new", 2);
                shelf.again().expect("old", 1);
                taken += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), "disk-full", "{what}: {error}");
                expect_as_before(&shelf, "new", &bytes, &what);
                refused += 1;
            }
        }
        fs::remove_dir_all(&ballast).expect("it is ours");
        if shelf.store().record(&name("new")).expect("it is whole").is_some() {
            shelf.store().remove(&name("new"), None, None).expect("it is there");
        }
        shelf.store().gc(Gc::default(), host().fingerprint()).expect("it frees");
        shelf.expect_sound();
    }
    assert!(taken >= 2 && refused >= 2, "{taken} taken, {refused} refused");
    println!("done: {taken} taken, {refused} refused");
}

fn read_only(child: &Path, dir: &Path) {
    mount(dir, "size=16m,mode=700");
    let shelf = shelf(child, dir);
    shelf.put("old", &answering(1));
    shelf.put("old", &answering(11));
    let bare = shelf.submit("bare", &answering(2)).expect("it is taken").receipt.digest;
    clear(&shelf.artifact(bare));
    mount(dir, "remount,ro");
    assert!(fs::write(dir.join("probe"), "").is_err(), "it can still be written to");
    let before = tree(dir);
    let again = shelf.again();
    assert_eq!(again.store().list().expect("it lists").len(), 2);
    again.expect_sound();
    assert_eq!(again.load("old").expect("it runs").origin, Origin::Artifact);
    again.expect("old", 11);
    again.expect("old@1", 1);
    let loaded = again.load("bare").expect("it runs");
    let Origin::Compiled { miss: Miss::Absent, not_kept: Some(reason) } = loaded.origin else {
        panic!("{:?}", loaded.origin);
    };
    assert!(reason.contains("read-only"), "{reason}");
    again.expect("bare", 2);
    // With an engine whose directory cannot be made, as well.
    let other = shelf.on(ringfence_store_tests::other_host());
    other.expect("old", 11);
    assert_eq!(code(&again.submit("new", &answering(3))), "store-read-only");
    assert_eq!(code(&again.submit("old", &answering(3))), "store-read-only");
    assert_eq!(code(&again.store().remove(&name("old"), None, None)), "store-read-only");
    assert_eq!(code(&again.store().roll_back(&name("old"), None, None)), "store-read-only");
    assert_eq!(code(&again.store().revoke(bare, None)), "store-read-only");
    assert_eq!(code(&again.store().gc(Gc::default(), host().fingerprint())), "store-read-only");
    assert_eq!(code(&again.store().set_policy(&again.store().policy().expect("none"))), "store-read-only");
    assert_eq!(tree(dir), before);
    println!("done: read-only");
}
