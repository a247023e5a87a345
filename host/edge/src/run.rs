//! `ringfence-edge run`: one call, from standard input to standard output.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use ringfence::{CancellationToken, Fault, Limits, Outcome, Ran, RunError};
use ringfence_edge::CallError;

use crate::args::RunArgs;
use crate::{Refused, note, print, trust, worker};

pub(crate) fn exec(args: &RunArgs) -> ExitCode {
    match call(args) {
        Ok(ran) => show(&ran, args),
        Err(refused) => refused.say(),
    }
}

fn call(args: &RunArgs) -> Result<Ran, Refused> {
    let worker = worker(&args.common, trust(&args.common)?, false)?;
    worker.load_file(&args.bundle)?;
    let serving = worker.serving().map_err(refused)?;
    if serving.is_interpreted() {
        note("the code is interpreted (Pulley), 10 to 50 times slower than native code");
    }
    let served = serving.find(&args.skill).map_err(refused)?;
    let (skill, mut limits) = (served.skill(), Arc::clone(served.limits()));
    if let Some(text) = &args.limits {
        let usage = |message| Refused { exit: Fault::Caller.exit_code(), code: "bad-limit", message };
        limits = Arc::new(limits.lowered(text).map_err(|error| usage(error.to_string()))?);
    }
    let mut tools = skill.tools();
    let tool = match (&args.tool, tools.next(), tools.next()) {
        (Some(named), _, _) => named.clone(),
        (None, Some(only), None) => only.name().to_owned(),
        (None, _, _) => {
            let names =
                skill.tools().take(20).map(|tool| tool.name().to_owned()).collect::<Vec<_>>().join(", ");
            let message = format!("the skill has {} tools; name one of them: {names}", skill.tools().len());
            return Err(Refused { exit: Fault::Caller.exit_code(), code: "no-tool-named", message });
        }
    };
    let input = input(limits.input_size)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Refused::fault)?;
    runtime.block_on(async {
        let call = serving.call(&args.skill, &tool).map_err(refused)?.with_limits(Limits::clone(&limits));
        on_interrupt(call.cancellation().clone());
        call.json_and_chunks(input).await.map_err(|error| refused(error.into()))
    })
}

/// Control-C cancels the run, which then reports it.
#[cfg(feature = "serve")]
fn on_interrupt(token: CancellationToken) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            token.cancel();
        }
    });
}

#[cfg(not(feature = "serve"))]
fn on_interrupt(_: CancellationToken) {}

/// Reads standard input up to its limit; empty input means no arguments.
fn input(limit: u64) -> Result<String, Refused> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Refused::fault(format!("cannot read the input from standard input: {error}")))?;
    let size = bytes.len() as u64;
    if size > limit {
        return Err(refused(RunError::InputTooLarge { size, limit }.into()));
    }
    if bytes.trim_ascii().is_empty() {
        return Ok("{}".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let message =
            format!("not UTF-8: the byte at offset {} is invalid", error.utf8_error().valid_up_to());
        refused(RunError::Input { pointer: String::new(), message }.into())
    })
}

fn refused(error: CallError) -> Refused {
    Refused { exit: error.fault().exit_code(), code: error.code(), message: error.to_string() }
}

fn show(ran: &Ran, args: &RunArgs) -> ExitCode {
    let Ran { report, chunks } = ran;
    let mut out = String::new();
    let mut line = |json: serde_json::Result<String>| {
        out.push_str(&json.unwrap_or_default());
        out.push('\n');
    };
    if args.json {
        line(serde_json::to_string(ran));
    } else {
        // Pieces of output, ahead of the value, each as a JSON string.
        chunks.iter().for_each(|chunk| line(serde_json::to_string(chunk)));
        match &report.outcome {
            Outcome::Completed(value) | Outcome::Failed(value) => line(serde_json::to_string(value)),
            Outcome::Trapped(trap) => note(&format!("trap: {} ({})", trap.code, trap.message)),
            Outcome::OutOfFuel
            | Outcome::DeadlineExceeded
            | Outcome::MemoryLimit
            | Outcome::OutputLimit
            | Outcome::HostCallLimit
            | Outcome::Cancelled
            | Outcome::HostOverloaded => {}
        }
        let usage = &report.usage;
        note(&format!(
            "{} in {:.1} ms · fuel {} · memory {}",
            report.outcome.name(),
            usage.wall.as_secs_f64() * 1e3,
            usage.fuel,
            bytesize::ByteSize::b(usage.peak_memory).display().iec(),
        ));
    }
    let printed = print(&out);
    if printed == ExitCode::SUCCESS { ExitCode::from(report.outcome.exit_code()) } else { printed }
}
