//! Many at once, in one process and through two libraries: every result is an allowed one, and the store is
//! sound after.

use std::collections::BTreeSet;
use std::sync::Barrier;

use ringfence::Digest;
use ringfence_store::{Gc, Store};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::{Shelf, by, code, name};

use crate::shelf;

const NAMES: [&str; 3] = ["a", "b", "c"];
const THREADS: u64 = 8;
const OPERATIONS: u64 = 60;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One operation; panics where its result is not an allowed one.
fn operate(shelf: &Shelf, dice: &mut Dice, seen: &mut BTreeSet<String>) {
    let of = NAMES[usize::try_from(dice.roll(3)).expect("small")];
    let n = u32::try_from(dice.roll(6)).expect("small");
    let (what, got, allowed): (_, _, &[&str]) = match dice.roll(10) {
        0..=3 => ("submit", code(&shelf.submit(of, &answering(n))), &["ok"]),
        4 => ("remove", code(&shelf.store().remove(&name(of), None, None)), &["ok", "no-such-skill"]),
        5 => {
            let back = shelf.store().roll_back(&name(of), None, None);
            ("roll back", code(&back), &["ok", "no-such-skill", "nothing-earlier"])
        }
        6 => {
            for listed in shelf.store().list().expect("it lists") {
                let record = listed.record.expect("a record is whole at every moment");
                assert!(record.current().is_some() && record.name == listed.name);
            }
            ("list", "ok", &["ok"])
        }
        7 => {
            let fingerprint = shelf.library.host().fingerprint();
            ("gc", code(&shelf.store().gc(Gc::new(Some(3)), fingerprint)), &["ok"])
        }
        _ => {
            // What is removed between looking and reading is gone; what answers is one of ours.
            let answer = shelf.answer(of);
            assert!(answer.as_ref().is_ok_and(|answer| *answer < 6) || answer.is_err());
            ("load", code(&answer), &["ok", "no-such-skill", "damaged"])
        }
    };
    assert!(allowed.contains(&got), "{what} of {of}: {got}");
    seen.insert(format!("{what} {got}"));
}

#[test]
fn eight_threads_on_two_libraries() {
    let one = shelf();
    let two = one.again();
    let start = Barrier::new(usize::try_from(THREADS).expect("small"));
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (shelf, start) = (if thread % 2 == 0 { &one } else { &two }, &start);
                scope.spawn(move || {
                    let (mut dice, mut seen) = (Dice(thread), BTreeSet::new());
                    start.wait();
                    for _ in 0..OPERATIONS {
                        operate(shelf, &mut dice, &mut seen);
                    }
                    seen
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no thread panics"))
            .collect::<BTreeSet<_>>()
    });
    for happened in ["submit ok", "remove ok", "roll back ok", "list ok", "gc ok", "load ok"] {
        assert!(seen.contains(happened), "{happened} never happened: {seen:?}");
    }
    let last = one.again();
    assert!(last.verify().is_sound(), "{:#?}", last.verify().findings);
    last.store().gc(Gc::default(), last.library.host().fingerprint()).expect("it frees");
    last.expect_sound();
    for listed in last.store().list().expect("it lists") {
        let record = listed.record.expect("it is whole");
        let current = record.current().expect("it has one").digest;
        let n = (0..6).find(|n| Digest::of(&answering(*n)) == current).expect("one of ours");
        last.expect(record.name.as_str(), n);
    }
}

#[test]
fn one_of_many_submitters_gets_the_name() {
    let shelf = shelf();
    let owners = ["alice", "bob", "carol", "dave"];
    let start = Barrier::new(owners.len());
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter()
            .map(|who| {
                let (shelf, start) = (&shelf, &start);
                scope.spawn(move || {
                    start.wait();
                    code(&shelf.again().submit_as(&answering(1), by(who, "a")))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    assert_eq!(results.iter().filter(|code| **code == "ok").count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|code| **code == "not-owner").count(), 3, "{results:?}");
    shelf.expect_sound();
}

#[test]
fn a_cap_holds_for_many_at_once() {
    let shelf = shelf();
    shelf.set_policy(|policy| policy.skills = 3);
    let start = Barrier::new(6);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|n| {
                let (shelf, start) = (&shelf, &start);
                scope.spawn(move || {
                    start.wait();
                    code(&shelf.again().submit(&format!("skill-{n}"), &answering(n)))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    assert_eq!(results.iter().filter(|code| **code == "ok").count(), 3, "{results:?}");
    assert_eq!(results.iter().filter(|code| **code == "store-over-cap").count(), 3, "{results:?}");
    assert_eq!(shelf.store().list().expect("it lists").len(), 3);
}

#[test]
fn concurrent_creators_of_a_store_all_open_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("store");
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    Store::open_or_make(&root).expect("it is made once, and opened by all");
                });
            }
        });
        let store = Store::open(&root).expect("it is there");
        assert!(store.verify(|_, _| {}).expect("it lists").findings.is_empty());
    }
}

#[test]
fn concurrent_loads_compile_once() {
    let shelf = shelf();
    let digest = shelf.submit("a", &answering(1)).expect("it is taken").receipt.digest;
    ringfence_store_tests::files::clear(&shelf.artifact(digest));
    let other = shelf.again();
    let start = Barrier::new(8);
    let compiled: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let (loaded, miss) = other.load_seen("a");
                    loaded.expect("it runs");
                    usize::from(miss.is_some())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).sum()
    });
    assert_eq!(compiled, 1);
}
