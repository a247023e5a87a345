//! Full and read-only disks: a submission succeeds or is refused whole, and what is there runs.
//!
//! Three of these mount a file system in a namespace of their own, with `unshare`: as root, or as a user who may make
//! user namespaces. Where neither is allowed they say on stderr that they did nothing; with `RINGFENCE_MOUNTS=required`,
//! as in `.ci/full`, they fail there. A limit on the size of files needs no rights, and is tested everywhere.

use std::process::Command;

use ringfence_store_tests::components::answering;
use ringfence_store_tests::name;

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
        let need = "this test needs `unshare --mount`: run it as root, or allow user namespaces";
        assert!(std::env::var_os("RINGFENCE_MOUNTS").is_none(), "{need}");
        eprintln!("{case}: NOT TESTED: {need}");
        return;
    };
    let ran = Command::new("unshare").args(way).arg(HELPER).args([case, CHILD]).arg(dir.path()).output();
    let ran = ran.expect("unshare is there");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{case}: {}\n{said}", ran.status);
    assert!(said.contains("done: "), "{case} did not say what it did: {said}");
}

/// A submission under ever larger limits on the size of files, down to none at all.
#[test]
fn no_room_in_the_middle_of_a_file() {
    let shelf = crate::shelf();
    shelf.put("old", &answering(1));
    let (mut taken, mut refused) = (0, 0);
    // In blocks of 512 bytes: the component has 20, its compiled code some more.
    for blocks in [0, 1, 2, 5, 10, 19, 20, 21, 30, 60, 200] {
        let ran = Command::new("sh")
            .args(["-c", "ulimit -f \"$3\" && exec \"$0\" limited \"$1\" \"$2\"", HELPER, CHILD])
            .arg(shelf.root.parent().expect("a directory"))
            .arg(blocks.to_string())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{blocks} blocks: {}\n{said}", ran.status);
        if said.contains("done: taken") {
            shelf.again().expect("new", 2);
            shelf.store().remove(&name("new"), None, None).expect("it is there");
            taken += 1;
        } else {
            assert!(said.contains("done: refused"), "{blocks} blocks: {said}");
            refused += 1;
        }
        shelf.again().expect("old", 1);
        shelf.expect_sound();
    }
    assert!(taken >= 2 && refused >= 3, "{taken} taken, {refused} refused");
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
