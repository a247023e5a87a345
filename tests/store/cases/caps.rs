//! Caps of the policy: exactly at the cap is taken, one over is refused, with both numbers.

use ringfence_store::{Policy, StoreError};
use ringfence_store_tests::components::{answering, sized};
use ringfence_store_tests::files::tree;
use ringfence_store_tests::{Shelf, by, name};

use crate::shelf;

/// Large enough for every small component.
const SIZE: usize = 1_000;

/// Submits one that is over a cap, and looks at both numbers and the store.
#[track_caller]
fn over(shelf: &Shelf, who: &str, of: &str, bytes: &[u8], value: u64, cap: u64, owner: Option<&str>) {
    let before = tree(&shelf.root);
    let error = shelf.submit_as(bytes, by(who, of)).expect_err("it is over a cap");
    assert_eq!(error.code(), "store-over-cap", "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!(": {value} ")) && text.contains(&format!("; the cap is {cap}")), "{text}");
    let StoreError::OverCap { value: got, cap: known, owner: whose, .. } = error else {
        panic!("{text}");
    };
    assert_eq!((got, known, whose.map(|owner| owner.to_string())), (value, cap, owner.map(str::to_owned)));
    assert_eq!(tree(&shelf.root), before);
}

#[test]
fn bytes_of_one_component() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.upload = SIZE as u64);
    shelf.put("a", &sized(1, SIZE));
    over(&shelf, "alice", "b", &sized(2, SIZE + 1), 1_001, 1_000, None);
    over(&shelf, "alice", "a", &sized(2, SIZE + 1), 1_001, 1_000, None);
    // Not even looked at.
    over(&shelf, "alice", "b", &[0; SIZE + 1], 1_001, 1_000, None);
}

#[test]
fn skills_of_all() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.skills = 2);
    shelf.put("a", &answering(1));
    shelf.submit_as(&answering(2), by("bob", "b")).expect("at the cap");
    over(&shelf, "carol", "c", &answering(3), 3, 2, None);
    // A name that is there may change.
    shelf.put("a", &answering(3));
    shelf.store().remove(&name("b"), None, None).expect("it is there");
    shelf.submit_as(&answering(2), by("carol", "c")).expect("there is room again");
}

#[test]
fn bytes_of_all() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.bytes = 2 * SIZE as u64);
    shelf.put("a", &sized(1, SIZE));
    over(&shelf, "bob", "b", &sized(2, SIZE + 1), 2_001, 2_000, None);
    shelf.submit_as(&sized(2, SIZE), by("bob", "b")).expect("at the cap");
    // Bytes that are there count once, for whoever sends them.
    shelf.submit_as(&sized(1, SIZE), by("carol", "c")).expect("nothing is added");
    shelf.submit_as(&sized(1, SIZE), by("bob", "b")).expect("nothing is added");
    over(&shelf, "carol", "d", &sized(3, SIZE), 3_000, 2_000, None);
}

#[test]
fn skills_of_one_owner() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.owner_skills = 2);
    shelf.put("a", &answering(1));
    shelf.put("b", &answering(2));
    over(&shelf, "alice", "c", &answering(3), 3, 2, Some("alice"));
    shelf.submit_as(&answering(3), by("bob", "c")).expect("it is another's");
    shelf.put("a", &answering(4));
}

#[test]
fn bytes_of_one_owner() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.owner_bytes = 2 * SIZE as u64);
    shelf.put("a", &sized(1, SIZE));
    over(&shelf, "alice", "a", &sized(2, SIZE + 1), 2_001, 2_000, Some("alice"));
    shelf.put("a", &sized(2, SIZE));
    shelf.put("b", &sized(1, SIZE));
    over(&shelf, "alice", "b", &sized(3, SIZE), 3_000, 2_000, Some("alice"));
    shelf.submit_as(&sized(3, SIZE), by("bob", "c")).expect("it is another's");
    // Another's bytes count for who sends them as well.
    over(&shelf, "alice", "b", &sized(3, SIZE), 3_000, 2_000, Some("alice"));
}

#[test]
fn versions_of_one_skill() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.versions = 3);
    for n in 1..=3 {
        shelf.put("a", &answering(n));
    }
    over(&shelf, "alice", "a", &answering(4), 4, 3, None);
    shelf.put("b", &answering(4));
    // Held ones count.
    let mut held = by("alice", "a");
    held.hold = true;
    assert_eq!(shelf.submit_as(&answering(5), held).expect_err("over").code(), "store-over-cap");
}

#[test]
fn code_over_its_cap_is_removed_and_compiled_again() {
    let shelf = shelf();
    let first = shelf.submit("a", &answering(1)).expect("it is taken").receipt.digest;
    let size = std::fs::metadata(shelf.artifact(first)).expect("it is kept").len();
    shelf.set_policy(|policy| policy.artifacts = size + size / 2);
    let second = shelf.submit("b", &answering(2)).expect("it is taken").receipt.digest;
    assert!(shelf.artifact(second).exists() && !shelf.artifact(first).exists());
    shelf.again().expect("a", 1);
    shelf.again().expect("b", 2);
    shelf.set_policy(|policy| policy.artifacts = 0);
    let third = shelf.submit("c", &answering(3)).expect("it is taken").receipt.digest;
    assert!(!shelf.artifact(third).exists());
    shelf.again().expect("c", 3);
    shelf.expect_sound();
}

#[test]
fn every_library_sees_the_policy_and_it_persists() {
    let shelf = shelf();
    let other = shelf.again();
    assert_eq!(shelf.store().policy().expect("there is none yet"), Policy::default());
    shelf.set_policy(|policy| policy.skills = 1);
    assert_eq!(other.store().policy().expect("it is set").skills, 1);
    other.put("a", &answering(1));
    over(&shelf.again(), "alice", "b", &answering(2), 2, 1, None);
}
