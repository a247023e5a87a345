//! Versions of a name: idempotent, never changed, rolled back, held, removed; what breaks callers is refused.

use ringfence::Digest;
use ringfence_store::{Change, Gc, Status};
use ringfence_store_tests::components::{answering, with_tools};
use ringfence_store_tests::files::tree;
use ringfence_store_tests::{Shelf, by, code, name, owner, version};

use crate::shelf;

fn history(shelf: &Shelf, of: &str) -> Vec<(Change, String)> {
    let record = shelf.store().expect(&name(of)).expect("it is there");
    record.history.iter().map(|event| (event.what, event.version.to_string())).collect()
}

fn submit_version(shelf: &Shelf, of: &str, as_version: &str, n: u32) -> &'static str {
    let mut submit = by("alice", of);
    submit.version = Some(version(as_version));
    code(&shelf.submit_as(&answering(n), submit))
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let shelf = shelf();
    let first = shelf.submit("a", &answering(1)).expect("it is taken").receipt;
    assert_eq!((first.status, first.replaced, first.digest), (Status::New, None, Digest::of(&answering(1))));
    let before = tree(&shelf.root);
    let again = shelf.submit("a", &answering(1)).expect("it is taken");
    assert_eq!((again.receipt.status, again.receipt.version), (Status::Unchanged, version("1")));
    assert_eq!(again.code, None, "it was compiled again");
    assert_eq!(submit_version(&shelf, "a", "1", 1), "ok");
    assert_eq!(tree(&shelf.root), before);
}

#[test]
fn a_version_never_changes() {
    let shelf = shelf();
    assert_eq!(submit_version(&shelf, "a", "1.0", 1), "ok");
    let before = tree(&shelf.root);
    assert_eq!(submit_version(&shelf, "a", "1.0", 2), "version-taken");
    assert_eq!(tree(&shelf.root), before);
    shelf.expect("a@1.0", 1);
}

#[test]
fn versions_are_numbered_on_from_the_highest() {
    let shelf = shelf();
    assert_eq!(shelf.put("a", &answering(1)), "1");
    assert_eq!(shelf.put("a", &answering(2)), "2");
    assert_eq!(submit_version(&shelf, "a", "7", 3), "ok");
    assert_eq!(submit_version(&shelf, "a", "rc-9", 4), "ok");
    assert_eq!(shelf.put("a", &answering(5)), "8");
    // Older bytes again are a new version.
    assert_eq!(shelf.put("a", &answering(1)), "9");
    shelf.expect("a", 1);
    // A number that was removed is not given again.
    assert_eq!(shelf.put("a", &answering(10)), "10");
    shelf.store().roll_back(&name("a"), None, None).expect("there is an earlier one");
    shelf.store().remove(&name("a"), Some(&version("10")), None).expect("it is not current");
    assert_eq!(shelf.put("a", &answering(11)), "11");
    for (reference, n) in [("a@1", 1), ("a@2", 2), ("a@7", 3), ("a@rc-9", 4), ("a@8", 5), ("a@9", 1)] {
        shelf.expect(reference, n);
    }
    shelf.expect_sound();
}

#[test]
fn the_highest_number_of_all_is_not_given_twice() {
    let shelf = shelf();
    let highest = u64::MAX.to_string();
    assert_eq!(submit_version(&shelf, "a", &highest, 1), "ok");
    let next = shelf.put("a", &answering(2));
    assert_ne!(next, highest);
    shelf.expect("a", 2);
    shelf.expect(&format!("a@{next}"), 2);
    shelf.expect(&format!("a@{highest}"), 1);
}

#[test]
fn a_number_in_another_spelling_is_another_version() {
    let shelf = shelf();
    assert_eq!(submit_version(&shelf, "a", "007", 1), "ok");
    assert_eq!(submit_version(&shelf, "a", "7", 2), "ok");
    assert_eq!(shelf.put("a", &answering(3)), "8");
    shelf.expect("a@007", 1);
    shelf.expect("a@7", 2);
}

#[test]
fn two_names_share_the_bytes_and_not_their_fate() {
    let shelf = shelf();
    let digest = shelf.submit("a", &answering(1)).expect("it is taken").receipt.digest;
    shelf.put("b", &answering(1));
    assert_eq!(shelf.root.join("components").read_dir().expect("it is there").count(), 1);
    shelf.store().remove(&name("a"), None, None).expect("it is there");
    shelf.refused("a", "no-such-skill");
    let other = shelf.again();
    other.expect("b", 1);
    other.expect(&digest.to_string(), 1);
    shelf.store().remove(&name("b"), None, None).expect("it is there");
    assert!(!shelf.component(digest).exists() && !shelf.artifact(digest).exists());
    shelf.refused(&digest.to_string(), "no-such-skill");
    shelf.expect_sound();
}

#[test]
fn rolled_back() {
    let shelf = shelf();
    for n in 1..=4 {
        shelf.put("a", &answering(n));
    }
    let store = shelf.store();
    let back = |to: Option<&str>| code(&store.roll_back(&name("a"), to.map(version).as_ref(), None));
    assert_eq!(back(None), "ok");
    shelf.expect("a", 3);
    assert_eq!(back(Some("1")), "ok");
    shelf.again().expect("a", 1);
    assert_eq!(back(None), "nothing-earlier");
    assert_eq!(back(Some("9")), "no-such-version");
    let before = tree(&shelf.root);
    assert_eq!(back(Some("1")), "ok", "to where it is");
    assert_eq!(tree(&shelf.root), before);
    assert_eq!(back(Some("4")), "ok", "and forth");
    shelf.expect("a", 4);
    assert_eq!(code(&store.roll_back(&name("b"), None, None)), "no-such-skill");
    // Not to what may not run.
    store.revoke(Digest::of(&answering(3)), None).expect("it is revoked");
    assert_eq!(back(Some("3")), "revoked");
    assert_eq!(back(None), "ok", "past what is revoked");
    shelf.expect("a", 1);
    assert_eq!(back(Some("4")), "ok");
    let mut held = by("alice", "a");
    held.hold = true;
    shelf.submit_as(&answering(5), held).expect("it is taken");
    assert_eq!(back(Some("5")), "held");
    shelf.expect("a", 4);
    let told: Vec<_> = history(&shelf, "a").into_iter().skip(4).collect();
    let back = Change::RolledBack;
    let expected = [(back, "3"), (back, "1"), (back, "4"), (back, "1"), (back, "4"), (Change::Held, "5")];
    assert_eq!(told, expected.map(|(what, version)| (what, version.to_owned())));
}

/// What was rolled away from is not gone back to, and what was released stands in the line of what was current.
#[test]
fn rollback_follows_the_history_of_current_versions() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("a", &answering(2));
    let back = |of: &str| code(&shelf.store().roll_back(&name(of), None, None));
    assert_eq!(back("a"), "ok");
    shelf.put("a", &answering(3));
    assert_eq!(back("a"), "ok");
    shelf.expect("a", 1);

    let mut held = by("alice", "b");
    held.hold = true;
    shelf.submit_as(&answering(1), held).expect("it is held");
    shelf.put("b", &answering(2));
    shelf.release("b", "1").expect("it is held");
    shelf.expect("b", 1);
    assert_eq!(back("b"), "ok");
    shelf.expect("b", 2);
}

/// Releasing replaces what is current then, which may not be what was current when it was submitted.
#[test]
fn a_release_that_breaks_callers_is_refused_unless_it_is_wanted() {
    let shelf = shelf();
    let mut held = by("alice", "a");
    held.hold = true;
    shelf.submit_as(&with_tools(&["run"], 1), held).expect("it is held");
    shelf.put("a", &with_tools(&["run", "more"], 2));
    let release = |breaking| {
        let (name, version) = (name("a"), version("1"));
        code(&ringfence_store_tests::runtime().block_on(shelf.library.release(&name, &version, breaking)))
    };
    assert_eq!(release(false), "breaking-change");
    assert_eq!(shelf.load("a").expect("it runs").skill.tools().len(), 2);
    assert_eq!(release(true), "ok");
    assert_eq!(shelf.load("a").expect("it runs").skill.tools().len(), 1);
}

#[test]
fn a_version_that_was_removed_does_not_come_back_as_other_bytes() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("a", &answering(2));
    shelf.store().remove(&name("a"), Some(&version("1")), None).expect("it is there");
    let mut again = by("alice", "a");
    again.version = Some(version("1"));
    assert_eq!(code(&shelf.submit_as(&answering(3), again)), "version-taken");
    shelf.put("a", &answering(3));
    assert_eq!(shelf.store().expect(&name("a")).expect("it is there").current, Some(version("3")));
}

#[test]
fn a_digest_by_its_beginning() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    let digest = Digest::of(&answering(1)).to_string();
    let begin = |digits: usize| digest[..7 + digits].to_owned();
    shelf.expect(&begin(8), 1);
    shelf.expect(&begin(63), 1);
    assert_ne!(code(&shelf.load(&begin(7))), "ok");
    shelf.refused("sha256:0000000000", "no-such-skill");
}

#[test]
fn a_removed_version_is_never_reused() {
    let shelf = shelf();
    for n in 1..=3 {
        shelf.put("a", &answering(n));
    }
    let store = shelf.store();
    let remove = |which: Option<&str>| code(&store.remove(&name("a"), which.map(version).as_ref(), None));
    assert_eq!(remove(Some("3")), "is-current");
    assert_eq!(remove(Some("4")), "no-such-version");
    assert_eq!(remove(Some("2")), "ok");
    shelf.refused("a@2", "no-such-version");
    assert!(!shelf.component(Digest::of(&answering(2))).exists());
    assert_eq!(history(&shelf, "a").last(), Some(&(Change::Removed, "2".to_owned())));
    assert_eq!(remove(Some("1")), "ok");
    assert_eq!(remove(Some("3")), "ok", "the last one goes with its name");
    shelf.refused("a", "no-such-skill");
    assert!(!shelf.record("a").exists());
    assert_eq!(remove(None), "no-such-skill");
    shelf.expect_sound();
}

#[test]
fn a_name_belongs_to_its_first_submitter() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.put("a", &answering(2));
    let before = tree(&shelf.root);
    let (mallory, store) = (owner("mallory"), shelf.store());
    for n in [2, 3] {
        let refused = shelf.submit_as(&answering(n), by("mallory", "a")).expect_err("it is another's");
        assert_eq!(refused.code(), "not-owner");
    }
    assert_eq!(code(&store.remove(&name("a"), None, Some(&mallory))), "not-owner");
    assert_eq!(code(&store.remove(&name("a"), Some(&version("1")), Some(&mallory))), "not-owner");
    assert_eq!(code(&store.roll_back(&name("a"), None, Some(&mallory))), "not-owner");
    assert_eq!(tree(&shelf.root), before);
    assert_eq!(code(&store.roll_back(&name("a"), None, Some(&owner("alice")))), "ok");
    // Once it is removed it is free.
    assert_eq!(code(&store.remove(&name("a"), None, Some(&owner("alice")))), "ok");
    shelf.submit_as(&answering(3), by("mallory", "a")).expect("the name is free");
}

#[test]
fn a_breaking_change_is_refused_unless_allowed() {
    let shelf = shelf();
    shelf.put("a", &with_tools(&["run", "more"], 1));
    let before = tree(&shelf.root.join("names"));
    let refused = shelf.submit("a", &with_tools(&["run"], 2)).expect_err("`more` is gone");
    assert_eq!(refused.code(), "breaking-change");
    assert!(refused.to_string().contains("more"), "{refused}");
    assert_eq!(tree(&shelf.root.join("names")), before);
    assert!(!shelf.component(Digest::of(&with_tools(&["run"], 2))).exists());
    shelf.expect("a", 1);
    shelf.expect_sound();
    let mut submit = by("alice", "a");
    submit.breaking = true;
    let receipt = shelf.submit_as(&with_tools(&["run"], 2), submit).expect("it is wanted").receipt;
    assert_eq!((receipt.status, receipt.replaced), (Status::Replaced, Some(version("1"))));
    assert_eq!(receipt.breaking.len(), 1, "{:?}", receipt.breaking);
    assert!(receipt.breaking[0].to_string().contains("more"));
    shelf.expect("a", 2);
    // More tools break nobody, and neither does a name of its own.
    let receipt = shelf.submit("a", &with_tools(&["run", "new"], 3)).expect("nothing breaks").receipt;
    assert!(receipt.breaking.is_empty());
    shelf.put("b", &with_tools(&["other"], 4));
}

#[test]
fn an_incomparable_change_is_refused_unless_allowed() {
    let shelf = shelf();
    let digest = shelf.submit("a", &answering(1)).expect("it is taken").receipt.digest;
    ringfence_store_tests::files::clear(&shelf.component(digest));
    ringfence_store_tests::files::clear(&shelf.artifact(digest));
    assert_eq!(code(&shelf.submit("a", &answering(2))), "not-comparable");
    let mut submit = by("alice", "a");
    submit.breaking = true;
    shelf.submit_as(&answering(2), submit).expect("it is wanted");
    shelf.expect("a", 2);
}

#[test]
fn a_held_version_runs_under_no_reference_until_released() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    let mut submit = by("alice", "a");
    submit.hold = true;
    let receipt = shelf.submit_as(&answering(2), submit.clone()).expect("it is taken").receipt;
    assert_eq!(receipt.status, Status::Held);
    shelf.expect("a", 1);
    shelf.refused("a@2", "held");
    shelf.refused(&receipt.digest.to_string(), "held");
    // To send it again without the wish does not release it.
    assert_eq!(shelf.submit("a", &answering(2)).expect("it is there").receipt.status, Status::Unchanged);
    shelf.refused("a@2", "held");
    let other = shelf.again();
    other.refused("a@2", "held");
    submit.name = name("b");
    other.submit_as(&answering(2), submit).expect("it is taken");
    other.refused("b", "held");
    other.refused("b@1", "held");
    other.release("a", "2").expect("it is held");
    shelf.expect("a", 2);
    shelf.expect("a@2", 2);
    shelf.expect(&receipt.digest.to_string(), 2);
    shelf.refused("b", "held");
    let told = history(&shelf, "a");
    assert_eq!(told[1..], [(Change::Held, "2".to_owned()), (Change::Released, "2".to_owned())]);
    assert_eq!(code(&shelf.release("a", "3")), "no-such-version");
    assert_eq!(code(&shelf.release("c", "1")), "no-such-skill");
}

#[test]
fn a_policy_holds_everything() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.set_policy(|policy| policy.hold = true);
    assert_eq!(shelf.submit("a", &answering(2)).expect("it is taken").receipt.status, Status::Held);
    assert_eq!(shelf.again().submit("b", &answering(3)).expect("it is taken").receipt.status, Status::Held);
    shelf.expect("a", 1);
    shelf.refused("b", "held");
    shelf.set_policy(|policy| policy.hold = false);
    shelf.refused("b", "held");
    assert_eq!(shelf.submit("c", &answering(3)).expect("it is taken").receipt.status, Status::New);
}

#[test]
fn old_versions_are_collected_and_current_and_held_ones_stay() {
    let shelf = shelf();
    for n in 1..=5 {
        shelf.put("a", &answering(n));
    }
    let mut held = by("alice", "a");
    held.hold = true;
    shelf.submit_as(&answering(6), held).expect("it is taken");
    shelf.put("a", &answering(7));
    shelf.store().roll_back(&name("a"), Some(&version("2")), None).expect("it is there");
    let collected = shelf.store().gc(Gc::new(Some(1)), shelf.library.host().fingerprint()).expect("it frees");
    assert_eq!(collected.versions, 4);
    // Code and component of each.
    assert_eq!(collected.unused.files, 8);
    shelf.expect("a", 2);
    shelf.expect("a@7", 7);
    shelf.refused("a@6", "held");
    for gone in [1, 3, 4, 5] {
        shelf.refused(&format!("a@{gone}"), "no-such-version");
    }
    shelf.expect_sound();
}

#[test]
fn a_version_is_never_other_bytes_after_any_number_of_events() {
    let shelf = shelf();
    assert_eq!(submit_version(&shelf, "a", "first", 1), "ok");
    assert_eq!(shelf.put("a", &answering(2)), "1");
    assert_eq!(shelf.put("a", &answering(3)), "2");
    assert_eq!(shelf.put("a", &answering(4)), "3");
    for gone in ["first", "2"] {
        shelf.store().remove(&name("a"), Some(&version(gone)), None).expect("it is not current");
    }
    // More events than are kept: nothing says by its history that they were there.
    for _ in 0..150 {
        for to in ["1", "3"] {
            shelf.store().roll_back(&name("a"), Some(&version(to)), None).expect("it is there");
        }
    }
    let told = history(&shelf, "a");
    assert!(told.len() == 256 && told.iter().all(|(what, _)| *what == Change::RolledBack), "{told:?}");
    for (gone, n) in [("first", 9), ("first", 1), ("2", 9), ("2", 3)] {
        assert_eq!(submit_version(&shelf, "a", gone, n), "version-taken", "{gone}");
        assert_eq!(submit_version(&shelf.again(), "a", gone, n), "version-taken", "{gone}");
    }
    // Nor a number that was passed and never given.
    assert_eq!(submit_version(&shelf, "a", "10", 10), "ok");
    assert_eq!(submit_version(&shelf, "a", "9", 9), "version-taken");
    assert_eq!(shelf.put("a", &answering(11)), "11");
    // Another version that was never there is taken.
    assert_eq!(submit_version(&shelf, "a", "second", 12), "ok");
    shelf.expect_sound();
}

#[test]
fn a_version_is_never_other_bytes_after_its_name_was_removed() {
    let shelf = shelf();
    for n in 1..=3 {
        shelf.put("a", &answering(n));
    }
    assert_eq!(submit_version(&shelf, "a", "first", 4), "ok");
    shelf.store().remove(&name("a"), None, None).expect("it is there");
    assert_eq!(code(&shelf.answer("a")), "no-such-skill");
    assert!(shelf.store().list().expect("it lists").is_empty());
    for who in ["alice", "bob"] {
        for gone in ["first", "1", "3"] {
            let mut submit = by(who, "a");
            submit.version = Some(version(gone));
            assert_eq!(
                code(&shelf.again().submit_as(&answering(9), submit)),
                "version-taken",
                "{who}: {gone}"
            );
        }
    }
    // Another owner may have the name, and its versions go on.
    let taken = shelf.submit_as(&answering(5), by("bob", "a")).expect("it is free");
    assert_eq!(taken.receipt.version, version("4"));
    for gone in ["1", "2", "3", "first"] {
        shelf.refused(&format!("a@{gone}"), "no-such-version");
    }
    // By its last version, and once more.
    shelf.store().remove(&name("a"), Some(&version("4")), None).expect("it is the only one");
    assert_eq!(shelf.again().put("a", &answering(6)), "5");
    assert_eq!(submit_version(&shelf, "a", "first", 7), "version-taken");
    shelf.expect_sound();
}

#[test]
fn versions_that_are_collected_do_not_come_back() {
    let shelf = shelf();
    assert_eq!(submit_version(&shelf, "a", "first", 1), "ok");
    assert_eq!(submit_version(&shelf, "a", "5", 2), "ok");
    shelf.put("a", &answering(3));
    shelf.store().gc(Gc::new(Some(1)), shelf.library.host().fingerprint()).expect("it frees");
    for gone in ["first", "5"] {
        shelf.refused(&format!("a@{gone}"), "no-such-version");
        assert_eq!(submit_version(&shelf, "a", gone, 9), "version-taken");
    }
    assert_eq!(shelf.put("a", &answering(4)), "7");
}

/// Reads and writes the record of a name as the store does.
fn edit(shelf: &Shelf, of: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let path = shelf.record(of);
    let text = std::fs::read_to_string(&path).expect("it is there");
    let (body, _) = text.split_once('\n').expect("two lines");
    let mut record = serde_json::from_str(body).expect("JSON");
    change(&mut record);
    let body = record.to_string();
    std::fs::write(&path, format!("{body}\n{}\n", Digest::of(body.as_bytes()))).expect("it is ours");
}

#[test]
fn a_name_can_have_ten_thousand_named_versions() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    let spent: Vec<String> = (0..9_999).map(|n| format!("{n:020x}")).collect();
    edit(&shelf, "a", |record| {
        record["spent"] = serde_json::json!({"numbers": 1, "names": spent});
    });
    assert_eq!(submit_version(&shelf, "a", "last", 2), "ok");
    assert_eq!(submit_version(&shelf, "a", "one-more", 3), "store-over-cap");
    // Numbers need no room.
    assert_eq!(shelf.put("a", &answering(4)), "2");
    shelf.expect_sound();
}

/// A record of an earlier release says by its history alone what was there.
#[test]
fn a_record_without_a_mark_is_read() {
    let shelf = shelf();
    assert_eq!(submit_version(&shelf, "a", "first", 1), "ok");
    shelf.put("a", &answering(2));
    shelf.put("a", &answering(3));
    for gone in ["first", "1"] {
        shelf.store().remove(&name("a"), Some(&version(gone)), None).expect("it is not current");
    }
    edit(&shelf, "a", |record| drop(record.as_object_mut().expect("an object").remove("spent")));
    for gone in ["first", "1"] {
        assert_eq!(submit_version(&shelf, "a", gone, 9), "version-taken", "{gone}");
    }
    assert_eq!(shelf.put("a", &answering(4)), "3");
}

/// Whoever makes and removes names without end is stopped, and nobody else.
#[test]
fn removed_names_of_an_owner_are_capped() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.owner_skills = 1);
    let cycle = |of: &str| {
        let taken = shelf.submit(of, &answering(1))?;
        shelf.store().remove(&name(of), None, None).map(|_| taken)
    };
    for n in 0..10 {
        cycle(&format!("n{n}")).expect("under the cap");
    }
    assert_eq!(code(&cycle("one-more")), "store-over-cap");
    cycle("n3").expect("it was there before");
    shelf.submit_as(&answering(1), by("bob", "bobs")).expect("another owner's");
    shelf.expect_sound();
}

#[test]
fn the_record_of_a_removed_name_is_checked() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.store().remove(&name("a"), None, None).expect("it is there");
    let path = shelf.root.join("names/a.gone");
    ringfence_store_tests::files::flip(&path, 20, 3);
    assert_eq!(code(&shelf.submit("a", &answering(2))), "damaged");
    let found = shelf.verify().findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].path, "names/a.gone");
}
