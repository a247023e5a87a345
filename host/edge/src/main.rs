//! The command `ringfence-edge`: parse, dispatch, exit code.

mod args;
mod run;
#[cfg(feature = "serve")]
mod server;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use args::Command;
use ringfence::Fault;
use ringfence_edge::{Trust, TrustError, Worker, WorkerConfig};

/// The exit code for a command line that is wrong, or a file that it names; the others are those of outcomes and faults.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => {
            note(&format!("error: {error}\nsee `ringfence-edge --help` for usage"));
            return ExitCode::from(USAGE);
        }
    };
    match command {
        Command::Help => print(args::HELP),
        Command::Version => print(concat!("ringfence-edge ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Fingerprints { common } => fingerprints(&common),
        Command::Run(args) => run::exec(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => server::exec(*args),
    }
}

/// What a bundle must be made for, to run here.
fn fingerprints(common: &args::Common) -> ExitCode {
    match worker(common, Trust::default(), false) {
        Ok(worker) => print(&format!("{}\n", worker.fingerprints().join("\n"))),
        Err(refused) => refused.say(),
    }
}

/// Why the program ends without a run.
struct Refused {
    exit: u8,
    code: &'static str,
    message: String,
}

impl Refused {
    fn fault(message: impl Display) -> Self {
        Self { exit: Fault::Host.exit_code(), code: "host-fault", message: message.to_string() }
    }

    fn say(&self) -> ExitCode {
        note(&format!("error: {} [{}]", self.message, self.code));
        ExitCode::from(self.exit)
    }
}

impl From<ringfence_edge::BundleError> for Refused {
    fn from(error: ringfence_edge::BundleError) -> Self {
        Self { exit: error.fault().exit_code(), code: error.code(), message: error.to_string() }
    }
}

/// Who is trusted, as the files say now.
fn trust(common: &args::Common) -> Result<Trust, Refused> {
    Trust::read_files(&common.keys, &common.revoked).map_err(|error| match error {
        TrustError::Io { .. } => Refused { code: error.code(), ..Refused::fault(error) },
        error => Refused { exit: USAGE, code: error.code(), message: error.to_string() },
    })
}

fn worker(common: &args::Common, trust: Trust, serves: bool) -> Result<Worker, Refused> {
    let default = WorkerConfig::default();
    let config = default
        .clone()
        .with_runs(common.runs.unwrap_or(if serves { default.runs } else { 1 }))
        .with_memory(common.memory.unwrap_or(default.memory))
        .with_bundle(common.bundle_size.unwrap_or(default.bundle))
        .with_state(common.state.clone())
        .with_interpret(common.interpret);
    let usage = |error: ringfence_edge::WorkerError| Refused {
        exit: USAGE,
        code: "bad-configuration",
        message: error.to_string(),
    };
    Worker::new(config, trust).map_err(usage)
}

/// One line, or some, for people.
fn note(line: &str) {
    // If nobody reads it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Data for programs. What cannot be written is a fault, and not the end of the program by a signal.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Refused::fault(format!("cannot write to standard output: {error}")).say(),
    }
}
