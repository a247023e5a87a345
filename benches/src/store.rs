//! A store of many skills: how long opening, listing and resolving take, wall time, the median of all rounds.
//!
//! `cargo run --release -p ringfence-benches --bin store [SKILLS [ROUNDS]]`. To reach, with 1,000 skills: open
//! in ≤ 100 ms, list in ≤ 50 ms.

use std::time::Instant;

use ringfence::{Host, HostConfig};
use ringfence_store::{Store, Submit};

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (skills, rounds) = (args.next().unwrap_or(1_000), args.next().unwrap_or(20));
    let dir = tempfile::tempdir().expect("a directory");
    let host = Host::new(HostConfig { runs: 1, ..HostConfig::default() }).expect("a host");
    let store = Store::open_or_make(dir.path()).expect("a store");
    let begun = Instant::now();
    for i in 0..skills {
        // Each of other bytes.
        let text = format!(
            r#"(component (core module $m (func (export "run") (result i32) (i32.const {i})))
                 (core instance $i (instantiate $m))
                 (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
        );
        let skill = host.validate(wat::parse_str(text).expect("valid")).expect("a skill");
        let name = format!("skill-{i}").parse().expect("a name");
        let submit = Submit::new(name, "bench".parse().expect("an owner"));
        store.submit(&skill, &submit, |_| unreachable!("each name is new")).expect("it is kept");
    }
    let each = begun.elapsed().as_secs_f64() * 1e3 / skills.max(1) as f64;
    println!("{skills} skills kept, {each:.2} ms each");
    let reference = format!("skill-{}", skills / 2).parse().expect("a name");
    let (mut open, mut list, mut resolve) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (time, store) = timed(|| Store::open(dir.path()).expect("a store"));
        open.push(time);
        let (time, listed) = timed(|| store.list().expect("a list"));
        assert_eq!(listed.len(), skills);
        list.push(time);
        resolve.push(timed(|| store.resolve(&reference).expect("a skill")).0);
    }
    println!("open     {:7.3} ms (to reach: ≤ 100)", median(&mut open));
    println!("list     {:7.3} ms (to reach: ≤ 50)", median(&mut list));
    println!("resolve  {:7.3} ms", median(&mut resolve));
    // What each run asks as it begins.
    let store = Store::open(dir.path()).expect("a store");
    let digest = store.resolve(&reference).expect("a skill").digest;
    let mut allowed: Vec<f64> = (0..rounds)
        .map(|_| timed(|| (0..1_000).for_each(|_| store.expect_allowed(digest).expect("it may run"))).0)
        .collect();
    // A thousand of them in milliseconds is one of them in microseconds.
    println!("allowed  {:7.3} µs (to reach: ≤ 3)", median(&mut allowed));
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let done = work();
    (begun.elapsed().as_secs_f64() * 1e3, done)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
