//! `ringfence run`: the value on stdout, one line of outcome and usage on stderr; with `--json` the report.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bytesize::ByteSize;
use ringfence::{
    CancellationToken, Capability, Clock, Denial, LogLine, Outcome, Ran, Report, RunError, Skill, text,
};
use ringfence_policy::Grant;

use crate::args::RunArgs;
use crate::load::Source;
use crate::output::{self, Refused, note, thousands};
use crate::{exit, files, grants, load};

pub(crate) async fn exec(args: Box<RunArgs>) -> ExitCode {
    let ran = call(&args).await.and_then(|mut ran| {
        files::save(&mut ran.report, &args.files)?;
        Ok(ran)
    });
    match ran {
        Ok(ran) => show(&ran, &args),
        Err(refused) => refused.say(args.json),
    }
}

async fn call(args: &RunArgs) -> Result<Ran, Refused> {
    if let Some(tool) = args.tool.as_deref().filter(|tool| tool.trim_start().starts_with(['{', '['])) {
        let shown = text::clean(tool, 40);
        let message = format!(
            "`{shown}` is not the name of a tool; it looks like the arguments; pass them with `--input`, or `-i`"
        );
        return Err(Refused { exit: exit::CALL, code: "no-such-tool", ..Refused::fault(message) });
    }
    let limits = args.limits.limits();
    let source = Source::of(&args.skill);
    let library = load::library(&args.store, &source, &limits)?;
    let host = library.host();
    limits.check(host.caps()).map_err(|error| refused(error.into()))?;
    let input = input(args)?;
    let skill = load::load(&library, &source).await?;
    let tool = tool(&skill, args.tool.as_deref())?;
    let cancel = on_interrupt();
    let call = library.begin(&skill, &tool, &cancel);
    let watched = library.clone();
    tokio::spawn(async move { watched.watch_revocations().await });
    let grants = grants::open(&args.grants, &args.store)?;
    let mut call = call
        .limits(&limits)
        .grant(grants.granted(&skill, grants::subject(skill.digest(), &source, library.store())));
    if let Some(seed) = args.seed {
        call = call.seed(seed);
    }
    if let Some(seconds) = args.clock {
        call = call.clock(Clock::Fixed(Duration::from_secs(seconds)));
    }
    let call = files::add(call, &args.files, limits.memory)?;
    let hint = hint(args);
    call.json_and_chunks(input).await.map_err(|error| {
        let misfit = matches!(error, RunError::Input { .. });
        let mut refused = refused(error);
        if misfit {
            refused.message.push_str(&hint);
        }
        refused
    })
}

/// The next step for input that does not match the schema.
fn hint(args: &RunArgs) -> String {
    if Path::new(&args.input).is_file() {
        return format!("; to read the arguments from that file, use `--input @{}`", args.input);
    }
    format!("; `ringfence inspect {}` shows the schema", args.skill)
}

/// Returns a token that Control-C cancels; the run then ends as `cancelled`.
fn on_interrupt() -> CancellationToken {
    let token = CancellationToken::new();
    let of_task = token.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            of_task.cancel();
        }
    });
    token
}

/// The arguments as JSON text, read as far as their limit.
fn input(args: &RunArgs) -> Result<String, Refused> {
    let limit = args.limits.limits().input_size;
    let most = limit.saturating_add(1);
    let mut bytes = Vec::new();
    let (name, read) = if args.input == "-" {
        if args.skill == "-" {
            let message =
                "the skill and the input cannot both come from standard input; pass one of them as a file"
                    .to_owned();
            return Err(Refused { exit: 4, code: "input-mismatch", ..Refused::fault(message) });
        }
        ("standard input", std::io::stdin().lock().take(most).read_to_end(&mut bytes))
    } else if let Some(path) = args.input.strip_prefix('@') {
        (path, std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)))
    } else {
        return Ok(args.input.clone());
    };
    if let Err(error) = read {
        let message = format!("cannot read the input from {name}: {error}; check the path after `@`");
        return Err(Refused { code: "cannot-read", ..Refused::fault(message) });
    }
    let size = bytes.len() as u64;
    if size > limit {
        return Err(refused(RunError::InputTooLarge { size, limit }));
    }
    String::from_utf8(bytes).map_err(|error| {
        let message =
            format!("not UTF-8: the byte at offset {} is invalid", error.utf8_error().valid_up_to());
        refused(RunError::Input { pointer: String::new(), message })
    })
}

pub(crate) fn tool(skill: &Skill, named: Option<&str>) -> Result<String, Refused> {
    let mut tools = skill.tools();
    match (named, tools.next(), tools.next()) {
        (Some(name), _, _) => Ok(name.to_owned()),
        (None, Some(only), None) => Ok(only.name().to_owned()),
        (None, _, _) => {
            let mut names: Vec<&str> = skill.tools().take(20).map(|tool| tool.name()).collect();
            if names.len() < skill.tools().len() {
                names.push("… (`ringfence inspect` lists all)");
            }
            Err(Refused {
                exit: 4,
                code: "no-tool-named",
                ..Refused::fault(format!(
                    "the skill has {} tools; name one of them: {}",
                    skill.tools().len(),
                    names.join(", ")
                ))
            })
        }
    }
}

pub(crate) fn refused(error: RunError) -> Refused {
    Refused {
        exit: exit::of_fault(error.fault()),
        code: error.code(),
        pointer: error.pointer().map(str::to_owned),
        message: error.to_string(),
        reasons: Vec::new(),
    }
}

fn show(ran: &Ran, args: &RunArgs) -> ExitCode {
    let Ran { report, chunks } = ran;
    if args.grants.dry_run_grants {
        return dry_run(report, args);
    }
    if args.json {
        output::print_json(ran);
        return exit::of_outcome(&report.outcome);
    }
    if args.log {
        for line in &report.log {
            // A line break of the guest's must not begin a line of ours.
            note(&format!("{}: {}", line.level, line.message.replace('\n', "\n  | ")));
        }
    }
    // Pieces of output, ahead of the value, each as a JSON string.
    chunks.iter().for_each(output::print_json);
    match &report.outcome {
        Outcome::Completed(value) | Outcome::Failed(value) => output::print_json(&value.to_value()),
        Outcome::Trapped(trap) => {
            note(&format!("trap: {} ({})", trap.code, trap.message));
            ending(report, args);
            for frame in &trap.backtrace {
                note(&format!("  at {frame}"));
            }
        }
        Outcome::OutOfFuel
        | Outcome::DeadlineExceeded
        | Outcome::MemoryLimit
        | Outcome::OutputLimit
        | Outcome::HostCallLimit
        | Outcome::Cancelled
        | Outcome::HostOverloaded => ending(report, args),
    }
    denied(report);
    note(&summary(report, args));
    exit::of_outcome(&report.outcome)
}

/// Prints the denials of the run. The guest saw only `denied`.
fn denied(report: &Report) {
    let completed = matches!(report.outcome, Outcome::Completed(_));
    // A language's own start looks for its directory, whether or not the skill wants a file.
    let shown = |denial: &&Denial| !(completed && denial.capability == Capability::Scratch);
    for denial in report.denied.iter().filter(shown) {
        note(&format!("denied: {}", denial.reason));
    }
}

/// The grants that the run needed, one a line, ready to paste.
fn dry_run(report: &Report, args: &RunArgs) -> ExitCode {
    let options: Vec<String> =
        ringfence_capabilities::missing_grants(&report.denied).iter().map(Grant::to_option).collect();
    if args.json {
        output::print_json(&serde_json::json!({"grants": options, "denied": report.denied}));
    } else {
        options.iter().for_each(|option| output::print(option));
        note(&summary(report, args));
    }
    ExitCode::SUCCESS
}

/// Lines of the log that are shown of a run that did not come to its end.
const ENDING: usize = 10;

/// The end of the run's log, where languages report their fatal errors.
fn ending(report: &Report, args: &RunArgs) {
    if args.log {
        return;
    }
    let lines = report.log.len();
    let shown = lines.min(ENDING);
    // A line break of the guest's must not begin a line of ours.
    let text = |line: &LogLine| line.message.chars().take(1024).collect::<String>().replace('\n', "\n  | ");
    match report.log.get(lines.saturating_sub(shown)..).unwrap_or_default() {
        [] => {}
        [line] => note(&format!("last line of the log: {}", text(line))),
        last => {
            note(&format!("last {shown} lines of the log:"));
            for line in last {
                note(&format!("  | {}", text(line)));
            }
        }
    }
}

/// The line of outcome and usage, with the next step where a limit was met.
fn summary(report: &Report, args: &RunArgs) -> String {
    let usage = &report.usage;
    let mut line = format!(
        "{} in {} · fuel {} · memory {} · host calls {}",
        report.outcome.name(),
        millis(usage.wall),
        thousands(usage.fuel),
        ByteSize::b(usage.peak_memory).display().iec(),
        thousands(usage.host_calls),
    );
    if usage.log_lines > 0 && !args.log {
        let lines = if usage.log_lines == 1 { "line" } else { "lines" };
        line.push_str(&format!(" · {} log {lines} (show with --log)", usage.log_lines));
    }
    if usage.log_dropped > 0 {
        line.push_str(&format!(" · {} log lines dropped or cut", thousands(usage.log_dropped)));
    }
    let next = match &report.outcome {
        Outcome::OutOfFuel => "raise --fuel to allow more",
        Outcome::DeadlineExceeded => "raise --deadline to allow more",
        Outcome::MemoryLimit => "raise --memory or --table-elements to allow more",
        Outcome::OutputLimit => "raise --output to allow more",
        Outcome::HostCallLimit => "raise --host-calls to allow more",
        Outcome::Trapped(trap) if trap.growth_refused => {
            "the memory limit refused a growth before the trap; raise --memory"
        }
        Outcome::Completed(_)
        | Outcome::Failed(_)
        | Outcome::Trapped(_)
        | Outcome::Cancelled
        | Outcome::HostOverloaded => return line,
    };
    format!("{line} · {next}")
}

fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 10_000 {
        format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100)
    } else {
        format!("{} ms", time.as_millis())
    }
}
