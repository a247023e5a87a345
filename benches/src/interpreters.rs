//! What an interpreter as a skill costs: the first call of a process that finds its code in the store, calls after it, and
//! many that live at once.
//!
//! `cargo run --release -p ringfence-benches --bin interpreters -- python|javascript FILE.wasm [LIVE]`. To reach for Python:
//! first call ≤ 100 ms, a warm one ≤ 5 ms, 1,600 live in 8 GB. What lives is a call that sleeps; its memory is what the
//! process has of its own (`Private_*` in smaps) while all sleep, less what it had before. Admission reserves a component's
//! initial memory whole, whatever is touched of it, so the host's budget is set far above 8 GB here.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_store::{Library, Origin, Store, Submit};

/// A source that prints two, and one that stays for as long as is asked.
const SOURCES: [(&str, &str, &str); 2] = [
    ("python", "print(1+1)", "import time; time.sleep(SECONDS)"),
    ("javascript", "console.log(1+1)", "await new Promise(done => setTimeout(done, SECONDS * 1000))"),
];

fn main() -> ExitCode {
    let begun = Instant::now();
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let usage = || {
        eprintln!("usage: interpreters python|javascript FILE.wasm [LIVE]");
        ExitCode::from(2)
    };
    let find = |language: &str| SOURCES.into_iter().find(|(name, ..)| *name == language);
    match args.as_slice() {
        ["__first", store, language] => {
            let Some((_, source, _)) = find(language) else { return usage() };
            let library = library(Path::new(store), HostConfig { runs: 1, ..HostConfig::default() });
            let runtime = runtime();
            let skill = runtime.block_on(load(&library));
            runtime.block_on(run(library.host(), &skill, source));
            println!("{}", begun.elapsed().as_secs_f64() * 1e3);
        }
        [language, file] | [language, file, _] => {
            let Some((_, source, sleep)) = find(language) else { return usage() };
            let live = args.get(2).map_or(1_600, |live| live.parse().expect("a number"));
            measure(language, &std::fs::read(file).expect("the component"), source, sleep, live);
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn measure(language: &str, bytes: &[u8], source: &str, sleep: &str, live: u32) {
    let dir = tempfile::tempdir().expect("a folder");
    let config = HostConfig { runs: live, memory: 1 << 40, ..HostConfig::default() };
    let library = library(dir.path(), config);
    let runtime = runtime();
    let submit = Submit::new("skill".parse().expect("a name"), "bench".parse().expect("an owner"));
    let begun = Instant::now();
    runtime.block_on(library.submit(bytes.to_vec(), submit, |_| {})).expect("it is taken");
    println!(
        "{language}: {:.1} MB, submitted in {:.1} s",
        bytes.len() as f64 / 1e6,
        begun.elapsed().as_secs_f64()
    );
    let mut first: Vec<f64> = (0..11)
        .map(|_| {
            let program = std::env::current_exe().expect("this program");
            let child = Command::new(program)
                .args(["__first", dir.path().to_str().expect("a path"), language])
                .output();
            String::from_utf8_lossy(&child.expect("it runs").stdout).trim().parse().expect("milliseconds")
        })
        .collect();
    println!("first call of a process   {:.1} ms (median of 11, from `main`)", median(&mut first));
    let skill = runtime.block_on(load(&library));
    let host = library.host();
    let mut warm: Vec<f64> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            runtime.block_on(run(host, &skill, source));
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    println!("{source:25} {:.2} ms (median of 200)", median(&mut warm));
    many(host, &skill, sleep, live, &runtime);
}

/// Calls that all live at once.
fn many(host: &Host, skill: &Skill, sleep: &str, live: u32, runtime: &tokio::runtime::Runtime) {
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
            call.await.expect("it ended as told");
        }
        (most, peak)
    });
    let all = peak.saturating_sub(before) as f64;
    println!(
        "{most} live at once          {:.2} GB, {:.2} MiB each",
        all / 1e9,
        all / f64::from(live) / f64::from(1 << 20)
    );
}

async fn run(host: &Host, skill: &Skill, source: &str) {
    let limits = Limits { deadline: Duration::from_secs(600), fuel: 10_000_000_000, ..Limits::default() };
    let input = serde_json::json!({"code": source});
    let report = host.run(skill, "run", input, &limits).await.expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
}

async fn load(library: &Library) -> Skill {
    let (loaded, _) = library.load(&"skill".parse().expect("a name"), |_| {}).await.expect("it is loaded");
    assert!(!matches!(loaded.origin, Origin::Compiled { .. }), "its code is at hand");
    loaded.skill
}

fn library(dir: &Path, config: HostConfig) -> Library {
    let host = Host::new(config).expect("a host");
    let compiler = Compiler::this_program(CompileLimits::default()).expect("a compiler");
    Library::new(host, compiler, Ok(Store::open_or_make(dir).expect("a store")))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Bytes that only this process has.
fn private() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>() * 1024
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
