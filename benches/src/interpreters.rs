//! `interpreters`: an interpreter as a skill: the first call of a process that finds its code in the store, later calls,
//! and many that live at once.
//!
//! A live interpreter is a call that sleeps. Its memory is what the process has of its own (`Private_*` in smaps) while all
//! sleep, less what it had before.

use std::path::Path;
use std::time::{Duration, Instant};

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use ringfence_store::{Library, Origin};

use crate::args::{Child, Plan};
use crate::kit::book::Book;
use crate::kit::clock::wall;
use crate::kit::server::{library, runtime, submit};
use crate::kit::stats::median;
use crate::second_process::{child, report};

/// A language, a source that prints two, and one that sleeps.
struct Language {
    name: &'static str,
    source: &'static str,
    sleep: &'static str,
}

const PYTHON: Language =
    Language { name: "python", source: "print(1+1)", sleep: "import time; time.sleep(SECONDS)" };

const JAVASCRIPT: Language = Language {
    name: "javascript",
    source: "console.log(1+1)",
    sleep: "await new Promise(done => setTimeout(done, SECONDS * 1000))",
};

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    for (language, file) in [(PYTHON, &plan.python), (JAVASCRIPT, &plan.javascript)] {
        let Some(file) = file else {
            let name = language.name;
            println!(
                "{name} is skipped: build it with `skills/{name}/build.sh FILE`, then pass `--{name} FILE`"
            );
            continue;
        };
        let bytes =
            std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        each(&language, bytes, plan, book);
    }
    Ok(())
}

fn each(language: &Language, bytes: Vec<u8>, plan: &Plan, book: &mut Book) {
    let mut figure = |what: &str, value: f64| book.figure(&format!("{}-{what}", language.name), value);
    let dir = tempfile::tempdir().expect("a folder");
    let live = plan.live();
    // Far above what is to be reached, so that the memory is measured and not the limit.
    let library = library(dir.path(), HostConfig::pooled().with_runs(live).with_memory(1 << 40));
    let runtime = runtime();
    figure("size", bytes.len() as f64 / 1e6);
    let (seconds, ()) = wall(|| runtime.block_on(submit(&library, "skill", bytes)));
    println!("{}: submitted in {seconds:.1} s", language.name);
    let first = Child::First { store: dir.path().into(), source: language.source.to_owned() };
    let first: Vec<f64> = (0..11).map(|_| child(&first)).collect();
    figure("first", median(&first));
    let skill = runtime.block_on(load(&library));
    let host = library.host();
    let warm = || wall(|| runtime.block_on(run(host, &skill, language.source))).0 * 1e3;
    let warm: Vec<f64> = (0..plan.scaled(200, 10)).map(|_| warm()).collect();
    figure("warm", median(&warm));
    let (most, memory) = many(host, &skill, language.sleep, live, &runtime);
    figure("live", most);
    figure("memory", memory / 1e9);
    figure("each", memory / f64::from(live) / f64::from(1 << 20));
}

/// The child: the first call of a process.
pub(crate) fn first(begun: Instant, store: &Path, source: &str) {
    let library = library(store, HostConfig::pooled().with_runs(1));
    let runtime = runtime();
    let skill = runtime.block_on(load(&library));
    runtime.block_on(run(library.host(), &skill, source));
    report(begun);
}

/// How many calls lived at once, and the bytes that they had.
fn many(host: &Host, skill: &Skill, sleep: &str, live: u32, runtime: &tokio::runtime::Runtime) -> (f64, f64) {
    let before = private();
    // Long enough that the last begins before the first ends, at five milliseconds each.
    let seconds = live.div_ceil(100).max(5);
    let source = sleep.replace("SECONDS", &seconds.to_string());
    let (most, peak) = runtime.block_on(async {
        let calls: Vec<_> = (0..live)
            .map(|_| {
                let (host, skill, source) = (host.clone(), skill.clone(), source.clone());
                tokio::spawn(async move { run(&host, &skill, &source).await })
            })
            .collect();
        let (mut most, mut peak) = (0, 0);
        while !calls.iter().all(tokio::task::JoinHandle::is_finished) {
            let now = host.runs();
            if now >= most {
                (most, peak) = (now, private());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for call in calls {
            call.await.expect("each call ends well");
        }
        (most, peak)
    });
    (most as f64, peak.saturating_sub(before) as f64)
}

async fn run(host: &Host, skill: &Skill, source: &str) {
    let limits = Limits::default().with_deadline(Duration::from_secs(600)).with_fuel(10_000_000_000);
    let input = serde_json::json!({"code": source});
    let report = host.run(skill, "run", input, &limits).await.expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
}

async fn load(library: &Library) -> Skill {
    let loaded = library.load(&"skill".parse().expect("a name"), |_| {}).await.expect("it is loaded");
    assert!(!matches!(loaded.origin, Origin::Compiled { .. }), "its code is at hand");
    loaded.skill
}

/// Bytes that only this process has.
fn private() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>() * 1024
}
