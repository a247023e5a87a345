//! Bystanders: how late a good call gets while compile bombs take all they may, as a ratio to no bombs.
//!
//! In turns of half a second: calls alone, calls beside as many children as compile at once, each with a
//! component that keeps its compiler busy until the limit on CPU time. Calls come one after the other with
//! a pause between them, as from a client, so each has to get a core again. A turn's p99 is set against the
//! p99 of the turn before it, and the median of the ratios is printed: a shared machine drifts.
//!
//! `cargo run --release -p ringfence-benches --bin bystanders [ROUNDS]`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::{Host, HostConfig, Limits, Outcome, Skill, ValidatedSkill};
use ringfence_compile::{CompileLimits, Compiler};
use tokio::runtime::Runtime;

/// Length of a turn.
const TURN: Duration = Duration::from_millis(500);

/// After a turn with bombs.
const REST: Duration = Duration::from_secs(2);

/// Between two calls.
const PAUSE: Duration = Duration::from_micros(300);

/// What to reach.
const TARGET: f64 = 2.0;

fn main() -> ExitCode {
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let rounds: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(20);
    let host = Host::new(HostConfig::default()).expect("a host");
    let wasm = wat::parse_str(include_str!("echo.wat")).expect("the guest's text is valid");
    let skill = host.load(wasm).expect("the guest loads");
    let bomb = Arc::new(host.validate(bomb()).expect("a bomb is a valid component"));
    let compiler = Compiler::this_program(CompileLimits::default()).expect("this program");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");

    let (mut idle, mut beside) = (Turns::default(), Turns::default());
    for round in 0..=rounds {
        let alone = calls(&runtime, &host, &skill);
        let at_once = CompileLimits::default().at_once;
        let bombs: Vec<_> = (0..at_once).map(|_| explode(&runtime, &compiler, &bomb)).collect();
        // Until the children compile.
        std::thread::sleep(TURN);
        let bombed = calls(&runtime, &host, &skill);
        for bomb in &bombs {
            assert!(!bomb.is_finished(), "a bomb ended within a turn");
            bomb.abort();
        }
        // The children die with their tasks, and giving back their memory takes the kernel a while.
        std::thread::sleep(REST);
        // The first round warms up.
        if round > 0 {
            idle.add(alone);
            beside.add(bombed);
        }
    }
    println!("{rounds} rounds, {} cores", std::thread::available_parallelism().map_or(1, usize::from));
    println!("alone         p50 {:7.1} µs  p99 {:7.1} µs (medians of the turns)", idle.p50(), idle.p99());
    println!("beside bombs  p50 {:7.1} µs  p99 {:7.1} µs", beside.p50(), beside.p99());
    let mut ratios: Vec<f64> = idle.p99.iter().zip(&beside.p99).map(|(idle, beside)| beside / idle).collect();
    println!("p99 beside bombs is {:.2} × alone (median; to reach: ≤ {TARGET})", median(&mut ratios));
    ExitCode::SUCCESS
}

type Bomb = tokio::task::JoinHandle<()>;

fn explode(runtime: &Runtime, compiler: &Compiler, bomb: &Arc<ValidatedSkill>) -> Bomb {
    let (compiler, bomb) = (compiler.clone(), Arc::clone(bomb));
    runtime.spawn(async move {
        let ended = compiler.compile(&bomb).await;
        panic!("a bomb compiles or fails: {:?}", ended.map(|_| ()));
    })
}

/// Functions of some size, so many that compiling them takes longer than it may.
fn bomb() -> Vec<u8> {
    let mut body = String::from("(memory 1)");
    for i in 0..10_000 {
        body.push_str("(func (param i32) (result i32) (local i32)");
        for j in 0..200 {
            let _ = write!(
                body,
                "(local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const {}))))",
                i ^ j
            );
        }
        body.push_str("(local.get 1))");
    }
    let text = format!(
        r#"(component (core module $m {body} (func (export "run") (result i32) (i32.const 7)))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).expect("valid")
}

/// The microseconds that each call of a turn took, from asking to the answer: a thread of the runtime is
/// woken, calls, and wakes the one that asked.
fn calls(runtime: &Runtime, host: &Host, skill: &Skill) -> Vec<f64> {
    let mut took = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < TURN {
        std::thread::sleep(PAUSE);
        let (host, skill) = (host.clone(), skill.clone());
        let asked = Instant::now();
        let call = runtime.spawn(async move {
            let report = host.run(&skill, "echo", r#"{"text":"a good call"}"#, &Limits::default()).await;
            assert!(matches!(report.expect("a run").outcome, Outcome::Completed(_)));
        });
        runtime.block_on(call).expect("the call succeeds");
        took.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    took
}

#[derive(Default)]
struct Turns {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Turns {
    fn add(&mut self, mut took: Vec<f64>) {
        took.sort_by(f64::total_cmp);
        self.p50.push(took[took.len() / 2]);
        self.p99.push(took[took.len() * 99 / 100]);
    }

    fn p50(&self) -> f64 {
        median(&mut self.p50.clone())
    }

    fn p99(&self) -> f64 {
        median(&mut self.p99.clone())
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
