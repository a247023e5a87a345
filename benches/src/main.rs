//! `ringfence-benches`: measures what Ringfence costs and writes the figures to `benches/RESULTS.md`.
//!
//! `cargo run --release -p ringfence-benches -- floor`, or `all`; `--help` lists the rest. Every measurement is a module
//! of its own; what they share is in `kit`. `figures.json` lists every figure with its unit and its target.

mod args;
mod bystanders;
mod floor;
mod host_calls;
mod http;
mod interpreters;
mod kernels;
mod kit;
mod mcp;
mod rest;
mod second_process;
mod store;
mod storm;

use std::process::{Command, ExitCode};
use std::time::Instant;

use args::{Asked, Bench, Child, Plan};
use kit::book::Book;
use kit::catalog::Catalog;

/// The same allocator as the program `ringfence`.
#[global_allocator]
static ALLOCATOR: ringfence_allocator::Jemalloc = ringfence_allocator::Jemalloc;

fn main() -> ExitCode {
    let begun = Instant::now();
    // `Compiler::this_program` starts this program as its jailed child.
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let given: Vec<String> = std::env::args().skip(1).collect();
    let asked = match args::parse(&given) {
        Ok(asked) => asked,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match asked {
        Asked::Help => {
            println!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Asked::Child(child) => be(child, begun),
        Asked::Render(dir) => {
            kit::report::write(&Catalog::new(), &dir);
            ExitCode::SUCCESS
        }
        Asked::Measure(plan) => match plan.benches.as_slice() {
            [bench] => one(*bench, &plan),
            several => each(several, &given),
        },
    }
}

/// What this program does as a child of itself.
fn be(child: Child, begun: Instant) -> ExitCode {
    match child {
        Child::Serve { dir } => {
            ringfence_allocator::return_memory_at_rest();
            kit::server::serve(&dir);
        }
        Child::Stdio { dir } => kit::server::stdio(&dir),
        Child::Bare { file, function } => second_process::bare(begun, &file, &function),
        Child::Ours { store, function } => second_process::ours(begun, &store, &function),
        Child::Hash { file } => second_process::hash(&file),
        Child::First { store, source } => interpreters::first(begun, &store, &source),
    }
    ExitCode::SUCCESS
}

fn one(bench: Bench, plan: &Plan) -> ExitCode {
    if cfg!(debug_assertions) {
        println!("note: this is a dev build, so its figures mean nothing");
    }
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        println!("note: RUST_BACKTRACE is set, which slows wasm calls; unset it");
    }
    let mut book = Book::new(Catalog::new());
    let measured = match bench {
        Bench::Floor => floor::measure(plan, &mut book),
        Bench::HostCalls => host_calls::measure(plan, &mut book),
        Bench::Kernels => kernels::measure(plan, &mut book),
        Bench::Http => http::measure(plan, &mut book),
        Bench::Mcp => mcp::measure(plan, &mut book),
        Bench::Rest => rest::measure(plan, &mut book),
        Bench::Storm => storm::measure(plan, &mut book),
        Bench::Bystanders => bystanders::measure(plan, &mut book),
        Bench::SecondProcess => second_process::measure(plan, &mut book),
        Bench::Store => store::measure(plan, &mut book),
        Bench::Interpreters => interpreters::measure(plan, &mut book),
    };
    if let Err(reason) = measured {
        eprintln!("{}: {reason}", bench.name());
        return ExitCode::FAILURE;
    }
    match plan.record_into() {
        Some(dir) => book.save(&dir),
        None => println!("not recorded"),
    }
    let missed = book.missed();
    for what in &missed {
        println!("missed: {what}");
    }
    if plan.strict && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs each bench in a process of its own, so that none meets the memory or the threads of another.
fn each(benches: &[Bench], given: &[String]) -> ExitCode {
    let options = given.iter().skip_while(|arg| !arg.starts_with("--"));
    let options: Vec<&String> = options.collect();
    let mut failed = Vec::new();
    for bench in benches {
        println!("== {}", bench.name());
        let program = std::env::current_exe().expect("the path of this program");
        let ended = Command::new(program).arg(bench.name()).args(&options).status();
        if !ended.expect("this program starts").success() {
            failed.push(bench.name());
        }
        println!();
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}
