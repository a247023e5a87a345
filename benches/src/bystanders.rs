//! `bystanders`: how late a good call gets beside compile bombs.
//!
//! In turns of half a second: calls alone, then calls beside as many compiling children as may run at once. Each child has
//! a component that keeps its compiler busy until the limit on CPU time. Calls come one after the other with a pause
//! between them, as from a client, so each has to get a core again. Each ratio is of the p99 of two neighbouring turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::{Host, HostConfig, Limits, Outcome, Skill, ValidatedSkill};
use ringfence_compile::{CompileLimits, Compiler};
use tokio::runtime::Runtime;

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::guests;
use crate::kit::server;
use crate::kit::stats::{median, quantile};

/// Length of a turn.
const TURN: Duration = Duration::from_millis(500);

/// After a turn with bombs.
const REST: Duration = Duration::from_secs(2);

/// Between two calls.
const PAUSE: Duration = Duration::from_micros(300);

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let rounds = plan.rounds(20);
    let host = Host::new(HostConfig::pooled()).expect("a host");
    let skill = host.load(guests::echo()).expect("the guest loads");
    // So many functions that compiling them takes longer than the limit.
    let bomb = Arc::new(host.validate(guests::large(10_000, 200)).expect("a bomb is a valid component"));
    let compiler = Compiler::this_program(CompileLimits::default()).expect("this program");
    let runtime = server::runtime();

    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let quiet = quantile(&calls(&runtime, &host, &skill), 0.99);
        let at_once = CompileLimits::default().at_once;
        let bombs: Vec<_> = (0..at_once).map(|_| explode(&runtime, &compiler, &bomb)).collect();
        // Until the children compile.
        std::thread::sleep(TURN);
        let bombed = quantile(&calls(&runtime, &host, &skill), 0.99);
        for bomb in &bombs {
            assert!(!bomb.is_finished(), "a bomb ended within a turn");
            bomb.abort();
        }
        // The children die with their tasks, and giving back their memory takes the kernel a while.
        std::thread::sleep(REST);
        // The first round warms up.
        if round > 0 {
            alone.push(quiet);
            beside.push(bombed);
        }
    }
    println!("{rounds} rounds");
    let ratios: Vec<f64> = alone.iter().zip(&beside).map(|(alone, beside)| beside / alone).collect();
    book.figure("bystanders-alone", median(&alone));
    book.figure("bystanders-beside", median(&beside));
    book.figure("bystanders-ratio", median(&ratios));
    Ok(())
}

type Bomb = tokio::task::JoinHandle<()>;

fn explode(runtime: &Runtime, compiler: &Compiler, bomb: &Arc<ValidatedSkill>) -> Bomb {
    let (compiler, bomb) = (compiler.clone(), Arc::clone(bomb));
    runtime.spawn(async move {
        let ended = compiler.compile(&bomb).await;
        panic!("a bomb compiles or fails: {:?}", ended.map(|_| ()));
    })
}

/// The microseconds of each call of a turn, from asking to the answer: a thread of the runtime wakes up, calls, and wakes
/// the thread that asked.
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
