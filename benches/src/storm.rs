//! Storm: what hostile principals cost everybody else on a real server: guests that loop over each host function, loops,
//! bulk memory, 250 calls at once, and sleepers that hold memory.
//!
//! `storm [PART …] [--only TEXT] [--all] [--millis N]`: the parts are `calls` (a good call and `/healthz` beside each
//! hostile guest, and how late each hostile run ends), `crowd` (beside 250 connections whose runs are short), `share` (the CPU that each of k busy principals gets) and `memory`
//! (calls beside 124 sleepers). Without a part: all of them. `--all` takes each function that lends nothing, too.
//!
//! The server is a process of its own, with as many workers as cores; what is measured is seen from outside. Fails when a
//! target is missed by more than what a busy machine explains.

#[path = "storm/calls.rs"]
mod calls;
#[path = "storm/client.rs"]
mod client;
#[path = "storm/crowd.rs"]
mod crowd;
#[path = "storm/memory.rs"]
mod memory;
#[path = "storm/server.rs"]
mod server;
#[path = "storm/share.rs"]
mod share;

use std::process::ExitCode;
use std::time::Duration;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What was typed.
struct Plan {
    parts: Vec<String>,
    only: Option<String>,
    all: bool,
    /// Length of one measurement.
    turn: Duration,
}

fn main() -> ExitCode {
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let mut arguments = std::env::args().skip(1);
    let mut plan = Plan { parts: Vec::new(), only: None, all: false, turn: Duration::from_millis(800) };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--serve" => return server::serve(&arguments.next().expect("a directory")),
            "--only" => plan.only = arguments.next(),
            "--all" => plan.all = true,
            "--millis" => {
                let millis = arguments.next().and_then(|text| text.parse().ok()).expect("a number");
                plan.turn = Duration::from_millis(millis);
            }
            "calls" | "crowd" | "share" | "memory" => plan.parts.push(argument),
            _ => {
                eprintln!(
                    "`{argument}`: the usage is `storm [calls|crowd|share|memory] [--only TEXT] [--all] [--millis N]`"
                );
                return ExitCode::from(2);
            }
        }
    }
    let takes = |part: &str| plan.parts.is_empty() || plan.parts.iter().any(|named| named == part);
    let mut missed = Vec::new();
    if takes("calls") {
        missed.extend(calls::measure(&plan));
    }
    if takes("crowd") {
        missed.extend(crowd::measure(&plan));
    }
    if takes("share") {
        missed.extend(share::measure(&plan));
    }
    if takes("memory") {
        missed.extend(memory::measure(&plan));
    }
    for what in &missed {
        println!("missed: {what}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The value below which this part of the values lies.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
