//! Runs all hostile guests again and again, with an echo in between that must always answer right.
//!
//! `soak [RUNS] [--on-demand]`: 2,000 runs and the pooling allocator, if nothing is said. Fails on any
//! wrong answer, and when resident memory outside of the pool has grown by more than 10 MiB since the first half.

use std::process::ExitCode;

use ringfence::Allocator;
use ringfence_sandbox_tests::hostile::soak::{Resident, soak};

/// Bytes of growth in the second half that are no leak: 10 KiB for each of 1,000 runs.
const GROWTH: u64 = 10 << 20;

fn main() -> ExitCode {
    let (mut runs, mut allocator) = (2_000, Allocator::Pooling);
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(number) => runs = number,
            Err(_) if argument == "--on-demand" => allocator = Allocator::OnDemand,
            Err(_) => {
                eprintln!("`{argument}`: the usage is `soak [RUNS] [--on-demand]`");
                return ExitCode::from(2);
            }
        }
    }
    let soaked = soak(allocator, runs);
    println!("allocator:      {allocator:?}");
    println!("runs:           {} of {} guests", soaked.runs, soaked.guests);
    println!("wrong outcomes: {}", soaked.wrong_outcomes);
    println!("wrong echoes:   {}", soaked.wrong_echoes);
    for (when, resident) in [("before: ", soaked.before), ("after:  ", soaked.after)] {
        if let Some(Resident { outside, pool }) = resident {
            println!("RSS {when}       {:.1} MiB, and {:.1} MiB in the pool", mib(outside), mib(pool));
        }
    }
    println!("duration:       {:.1} s", soaked.duration.as_secs_f64());
    for what in &soaked.first {
        println!("{what}");
    }
    let leaks = soaked.growth() > GROWTH;
    if leaks {
        println!("resident memory has grown by more than {} MiB", GROWTH >> 20);
    }
    if soaked.right() && !leaks { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
