//! All hostile guests round and round on one host, and an echo between them that must always answer right.
//!
//! Each guest is loaded once. Several tasks run them at a time, so that a good call always has bad
//! neighbours. Nothing here stops at a wrong answer: all of them are counted.

use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringfence::{Allocator, Host, HostConfig, Limits, Skill};
use serde_json::json;

use super::{Case, corpus};
use crate::{Expect, load, matches, runtime, wasm};

/// Runs at once: more than the runtime has threads, so that busy guests wait for one another.
const TASKS: usize = 4;

/// Runs that the host takes at once. Guests that are at a cap of the pool count as several (8 at most).
const RUNS: u32 = 24;

/// Guests that only wait for their deadline take as long as a hundred of the others: so often is it
/// the turn of one of them.
const WAITERS: u64 = 100;

/// Descriptions of wrong answers that are kept.
const KEPT: usize = 10;

/// Gives its input back.
const ECHO: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;

/// What came of a soak.
#[derive(Debug)]
pub struct Soaked {
    /// Runs of hostile guests.
    pub runs: u64,
    /// Hostile guests that can be loaded.
    pub guests: usize,
    /// Runs that did not end as they must.
    pub wrong_outcomes: u64,
    /// Echoes that did not answer right; there is one for each run.
    pub wrong_echoes: u64,
    /// The first of what was wrong, in words.
    pub first: Vec<String>,
    /// Resident memory after the warm-up, where the system tells it.
    pub before: Option<Resident>,
    /// The same at the end.
    pub after: Option<Resident>,
    /// The whole of it, without loading.
    pub duration: Duration,
}

impl Soaked {
    /// How much the resident memory outside of the pool has grown since the warm-up.
    pub fn growth(&self) -> u64 {
        let bytes = |resident: &Option<Resident>| resident.as_ref().map_or(0, |it| it.outside);
        bytes(&self.after).saturating_sub(bytes(&self.before))
    }

    /// Whether every run and every echo was right.
    pub fn right(&self) -> bool {
        self.wrong_outcomes == 0 && self.wrong_echoes == 0
    }
}

struct Loaded {
    name: &'static str,
    skill: Skill,
    case: Case,
}

struct Soak {
    host: Host,
    echo: Skill,
    quick: Vec<Loaded>,
    waiters: Vec<Loaded>,
    next: AtomicU64,
    wrong_outcomes: AtomicU64,
    wrong_echoes: AtomicU64,
    first: Mutex<Vec<String>>,
}

/// Runs hostile guests `runs` times under one allocator.
pub fn soak(allocator: Allocator, runs: u64) -> Soaked {
    let earlier: Vec<_> = mappings().iter().map(|mapping| mapping.at.clone()).collect();
    let host = Host::new(HostConfig::default().with_allocator(allocator).with_runs(RUNS)).expect("a host");
    let mut pool: Vec<_> = mappings().into_iter().map(|mapping| mapping.at).collect();
    pool.retain(|at| allocator == Allocator::Pooling && at.end - at.start >= POOL && !earlier.contains(at));
    let (mut quick, mut waiters) = (Vec::new(), Vec::new());
    for guest in corpus() {
        if matches!(guest.case.expect, Expect::Refused(_)) {
            continue;
        }
        let skill = host.load(wasm(guest.wat)).unwrap_or_else(|error| panic!("{}: {error}", guest.name));
        let waits = guest.case.expect == Expect::Outcome("deadline-exceeded");
        let loaded = Loaded { name: guest.name, skill, case: guest.case };
        if waits { waiters.push(loaded) } else { quick.push(loaded) }
    }
    let echo = load(&host, ECHO);
    let soak = Arc::new(Soak {
        host,
        echo,
        quick,
        waiters,
        next: AtomicU64::new(0),
        wrong_outcomes: AtomicU64::new(0),
        wrong_echoes: AtomicU64::new(0),
        first: Mutex::default(),
    });
    let started = Instant::now();
    // By then every guest has run on every thread, so that what grows afterwards is a leak.
    soak.run_to(runs / 2);
    let before = Resident::now(&pool);
    soak.run_to(runs);
    Soaked {
        runs,
        guests: soak.quick.len() + soak.waiters.len(),
        wrong_outcomes: soak.wrong_outcomes.load(Ordering::Relaxed),
        wrong_echoes: soak.wrong_echoes.load(Ordering::Relaxed),
        first: std::mem::take(&mut soak.first.lock().unwrap()),
        before,
        after: Resident::now(&pool),
        duration: started.elapsed(),
    }
}

impl Soak {
    /// Goes on until so many runs have been made altogether, and waits for all of them.
    fn run_to(self: &Arc<Self>, runs: u64) {
        let begin = self.next.load(Ordering::Relaxed);
        runtime().block_on(async {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let soak = Arc::clone(self);
                    tokio::spawn(async move {
                        loop {
                            let turn = soak.next.fetch_add(1, Ordering::Relaxed);
                            if turn >= runs {
                                break;
                            }
                            soak.turn(turn).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                // A panic in the host counts as what it is.
                task.await.expect("no panic");
            }
        });
        // Every task took one number too many.
        self.next.store(runs.max(begin), Ordering::Relaxed);
    }

    async fn turn(&self, turn: u64) {
        let guests = if turn % WAITERS == WAITERS - 1 { &self.waiters } else { &self.quick };
        let round = if turn % WAITERS == WAITERS - 1 { turn / WAITERS } else { turn - turn / WAITERS };
        let guest = &guests[usize::try_from(round).unwrap() % guests.len()];
        let case = &guest.case;
        let ran = self.host.run(&guest.skill, case.tool, case.input.clone(), &case.limits).await;
        if let Err(difference) = matches(&case.expect, &ran) {
            self.wrong_outcomes.fetch_add(1, Ordering::Relaxed);
            self.remember(format!("run {turn}, {}: {difference}", guest.name));
        }
        let text = format!("echo {turn} \u{20ac} {}", "x".repeat(usize::try_from(turn % 1000).unwrap()));
        let input = json!({ "text": text });
        let ran = self.host.run(&self.echo, "echo", input, &Limits::default()).await;
        if let Err(difference) = matches(&Expect::Value(json!(text)), &ran) {
            self.wrong_echoes.fetch_add(1, Ordering::Relaxed);
            self.remember(format!("echo {turn}: {difference}"));
        }
    }

    fn remember(&self, what: String) {
        let mut first = self.first.lock().unwrap();
        if first.len() < KEPT {
            first.push(what);
        }
    }
}

/// Bytes of this process in memory.
///
/// The pool is apart. It keeps of each memory and table what guests wrote to, up to a size, so that it
/// fills for the first hundred thousand runs, and how full it is at a time is chance: more than any leak.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// In the pool.
    pub pool: u64,
    /// Everywhere else.
    pub outside: u64,
}

/// A mapping of at least so many bytes that is there after the host was built, and was not before, is
/// the pool's: 300 GiB for memories, 150 MiB for tables.
const POOL: u64 = 100 << 20;

struct Mapping {
    at: Range<u64>,
    resident: u64,
}

impl Resident {
    /// None where there is no `/proc`.
    fn now(pool: &[Range<u64>]) -> Option<Self> {
        let mut all = Self { pool: 0, outside: 0 };
        for mapping in mappings() {
            let inside = pool.iter().any(|at| mapping.at.start < at.end && at.start < mapping.at.end);
            *(if inside { &mut all.pool } else { &mut all.outside }) += mapping.resident;
        }
        (all.outside > 0).then_some(all)
    }
}

/// The mappings of this process; none where there is no `/proc`.
fn mappings() -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in fs::read_to_string("/proc/self/smaps").unwrap_or_default().lines() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some((start, end)) = first.split_once('-') {
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            mappings.push(Mapping { at: address(start)..address(end), resident: 0 });
        } else if first == "Rss:"
            && let Some(last) = mappings.last_mut()
        {
            let kib: u64 = rest.trim().trim_end_matches(" kB").parse().unwrap();
            last.resident = kib * 1024;
        }
    }
    mappings
}
