//! `store`: how long opening, listing and resolving take in a store of many skills: wall time, medians of all rounds.

use ringfence::{Host, HostConfig};
use ringfence_store::{Store, Submit};

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::clock::wall;
use crate::kit::guests;
use crate::kit::stats::median;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let (skills, rounds) = (plan.skills(), plan.rounds(20));
    let dir = tempfile::tempdir().expect("a directory");
    let host = Host::new(HostConfig::pooled().with_runs(1)).expect("a host");
    let store = Store::open_or_make(dir.path()).expect("a store");
    let (seconds, ()) = wall(|| (0..skills).for_each(|index| submit(&host, &store, index)));
    println!("{skills} skills, {rounds} rounds");
    book.figure("store-submit", seconds * 1e3 / skills.max(1) as f64);
    let reference = format!("skill-{}", skills / 2).parse().expect("a name");
    let (mut open, mut list, mut resolve) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (time, store) = millis(|| Store::open(dir.path()).expect("a store"));
        open.push(time);
        let (time, listed) = millis(|| store.list().expect("a list"));
        assert_eq!(listed.len(), skills);
        list.push(time);
        resolve.push(millis(|| store.resolve(&reference).expect("a skill")).0);
    }
    book.figure("store-open", median(&open));
    book.figure("store-list", median(&list));
    book.figure("store-resolve", median(&resolve));
    // Every run asks this as it begins.
    let store = Store::open(dir.path()).expect("a store");
    let digest = store.resolve(&reference).expect("a skill").digest;
    let thousand = || (0..1_000).for_each(|_| store.expect_allowed(digest).expect("it may run"));
    // The milliseconds of a thousand are the microseconds of one.
    let allowed: Vec<f64> = (0..rounds).map(|_| millis(thousand).0).collect();
    book.figure("store-allowed", median(&allowed));
    Ok(())
}

/// Keeps a skill whose bytes no other one has.
fn submit(host: &Host, store: &Store, index: usize) {
    let component = guests::component(&format!(
        r#"(component (core module $m (func (export "run") (result i32) (i32.const {index})))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    ));
    let skill = host.validate(component).expect("a skill");
    let name = format!("skill-{index}").parse().expect("a name");
    let submit = Submit::new(name, "bench".parse().expect("an owner"));
    store.submit(&skill, &submit, |_| unreachable!("each name is new")).expect("it is kept");
}

fn millis<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let (seconds, done) = wall(work);
    (seconds * 1e3, done)
}
