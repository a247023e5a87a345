//! Full and read-only disks: a submission succeeds or is refused whole, and what is there runs.
//!
//! These mount a file system in a namespace of their own, with `unshare`: as root, or as a user who may make
//! user namespaces. Where neither is allowed they fail, and say so: they are never passed over.

use std::process::Command;

use crate::CHILD;

const HELPER: &str = env!("CARGO_BIN_EXE_store-on-disk");

#[track_caller]
fn on_disk(case: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let can = |args: &[&str]| {
        Command::new("unshare").args(args).arg("true").output().is_ok_and(|o| o.status.success())
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let Some(way) = ways.into_iter().find(|way| can(way)) else {
        panic!("this test needs `unshare --mount`: run it as root, or allow user namespaces");
    };
    let ran = Command::new("unshare").args(way).arg(HELPER).args([case, CHILD]).arg(dir.path()).output();
    let ran = ran.expect("unshare is there");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{case}: {}\n{said}", ran.status);
    assert!(said.contains("done: "), "{case} did not say what it did: {said}");
}

#[test]
fn full_at_every_level() {
    on_disk("full");
}

#[test]
fn no_room_for_another_file() {
    on_disk("files");
}

#[test]
fn read_only() {
    on_disk("read-only");
}
