//! Kills writers of one store at random points, under a reader, and looks whether all that was acknowledged is
//! there, nothing is half-written, and what was left over is gone at the next start.
//!
//! `kill [ROUNDS] [--seed N]`: 20 rounds and a random seed, if nothing is said. The seed repeats the choices, not the
//! moments at which the scheduler runs whom. Any finding fails it, and leaves the store where it is.
//!
//! `kill --each-call`: with `strace`, which must be there, kills one writer at each system call that changes files,
//! of one operation of each kind.

use std::process::ExitCode;

#[path = "../kill/mod.rs"]
mod kill;

fn main() -> ExitCode {
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("writer") => return kill::writer::main(&arguments[1..]),
        Some("reader") => return kill::reader::main(&arguments[1..]),
        Some("--each-call") => return kill::calls::run(),
        _ => {}
    }
    let (mut rounds, mut seed) = (20, getrandom::u64().expect("random bytes") >> 32);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let number = match argument.as_str() {
            "--seed" => rest.next().and_then(|seed| seed.parse().ok()).map(|number| seed = number),
            other => other.parse().ok().map(|number| rounds = number),
        };
        if number.is_none() {
            eprintln!("`{argument}`: the usage is `kill [ROUNDS] [--seed N]` or `kill --each-call`");
            return ExitCode::from(2);
        }
    }
    kill::rounds::run(rounds, seed)
}
