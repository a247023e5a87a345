//! `ringfence test`: runs the examples and cases of a skill in the sandbox, and compares with what is to come.
//!
//! Clock and randomness are fixed, so that what comes is the same each time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ringfence::{CancellationToken, Clock, Limits, Outcome, Report, RunError, Skill, text};
use ringfence_author::cases::{self, Case, Saw};
use ringfence_author::{AuthorError, Project};
use ringfence_store::Library;
use serde_json::json;

use super::evaluate;
use crate::args::TestArgs;
use crate::load::{self, Source};
use crate::output::{self, Refused, note, print};
use crate::{exit, run};

/// The file with the results of the examples.
const SNAPSHOTS: &str = "snapshots.jsonl";
/// The file with further cases.
const CASES: &str = "cases.jsonl";

/// 2026-01-01, in seconds since 1970: what clocks begin at.
const CLOCK: Duration = Duration::from_secs(1_767_225_600);

pub(crate) async fn exec(args: Box<TestArgs>) -> ExitCode {
    let done = match &args.against {
        Some(old) => evaluate::exec(&args, old).await,
        None => test(&args).await,
    };
    done.unwrap_or_else(|refused| refused.say(args.json))
}

/// A skill under test, and how it is run.
pub(super) struct Subject {
    library: Library,
    skill: Skill,
    limits: Limits,
}

impl Subject {
    pub(super) async fn load(args: &TestArgs, source: &Source) -> Result<Self, Refused> {
        let limits = args.limits.limits();
        let library = load::library(&args.store, source, &limits)?;
        limits.check(library.host().caps()).map_err(run::refused)?;
        let skill = load::load(&library, source).await?;
        Ok(Self { library, skill, limits })
    }

    /// Runs a case; an error only where the machine is at fault.
    pub(super) async fn run(&self, case: &Case) -> Result<(Saw, Option<Report>), Refused> {
        let tool = match (&case.tool, run::tool(&self.skill, None)) {
            (Some(tool), _) => tool.clone(),
            (None, Ok(only)) => only,
            (None, Err(error)) => {
                let refused = Some(error.message);
                return Ok((Saw { outcome: error.code.to_owned(), refused, ..Saw::default() }, None));
            }
        };
        let (call, _under_way) = self.library.begin(&self.skill, &tool, &CancellationToken::new());
        let call = call.limits(&self.limits).seed(1).clock(Clock::Fixed(CLOCK));
        match call.start(case.input.clone()).report().await {
            Ok(report) => Ok((saw(&report), Some(report))),
            Err(error @ (RunError::Host(_) | RunError::Revoked { .. })) => Err(run::refused(error)),
            Err(error) => {
                let refused = Some(error.to_string());
                Ok((Saw { outcome: error.code().to_owned(), refused, ..Saw::default() }, None))
            }
        }
    }
}

fn saw(report: &Report) -> Saw {
    let (value, trap) = match &report.outcome {
        Outcome::Completed(value) | Outcome::Failed(value) => (Some(value.to_value()), None),
        Outcome::Trapped(trap) => (None, Some(trap.code.to_owned())),
        Outcome::OutOfFuel
        | Outcome::DeadlineExceeded
        | Outcome::MemoryLimit
        | Outcome::OutputLimit
        | Outcome::HostCallLimit
        | Outcome::Cancelled
        | Outcome::HostOverloaded => (None, None),
    };
    let log = report.log.iter().map(|line| format!("{}\n", line.message)).collect();
    Saw { outcome: report.outcome.name().to_owned(), value, trap, refused: None, log }
}

/// The component of a folder: as given, or as `build` makes it.
pub(super) fn component(args: &TestArgs, project: Option<&Project>) -> Result<PathBuf, Refused> {
    if let Some(component) = &args.component {
        return Ok(component.clone());
    }
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let Some(project) = project else { return Err(AuthorError::NoSkill(dir.to_owned()).into()) };
    let file = super::component(dir, project);
    if file.is_file() {
        return Ok(file);
    }
    let message =
        format!("{} does not exist; build it with `ringfence build {}`", file.display(), dir.display());
    Err(Refused { exit: exit::USAGE, code: "not-built", ..Refused::fault(message) })
}

async fn test(args: &TestArgs) -> Result<ExitCode, Refused> {
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let project = Project::open(dir)?;
    let component = component(args, Some(&project))?;
    let kept = cases::read(&dir.join(SNAPSHOTS))?;
    let further = cases::read(&dir.join(CASES))?;
    let examples = project.manifest().examples.iter().map(|example| Case::of_example(example, &kept));
    let examples: Vec<Case> = examples.collect();
    if examples.is_empty() && further.is_empty() {
        let message = format!("no cases to run; add an `[[example]]` to skill.toml, or write {CASES}");
        return Err(Refused { exit: exit::USAGE, code: "no-cases", ..Refused::fault(message) });
    }
    if args.component.is_none() && is_older(&component, dir) {
        note(&format!(
            "note: {} is older than its source; rebuild it with `ringfence build {}`",
            component.display(),
            dir.display()
        ));
    }
    let subject = Subject::load(args, &Source::File(component)).await?;
    let mut tally = Tally { json: args.json, update: args.update, ..Tally::default() };
    let examples = tally.run(&subject, examples).await?;
    let further = tally.run(&subject, further).await?;
    if args.update && !examples.is_empty() {
        cases::write(&dir.join(SNAPSHOTS), &examples)?;
    }
    if args.update && tally.changed_last {
        cases::write(&dir.join(CASES), &further)?;
    }
    if args.json {
        output::print_json(
            &json!({"passed": tally.passed, "failed": tally.failed, "updated": tally.updated, "cases": tally.rows}),
        );
    } else if args.update {
        note(&format!("{} unchanged · {} updated · {} failed", tally.passed, tally.updated, tally.failed));
    } else {
        note(&format!("{} passed · {} failed", tally.passed, tally.failed));
        if tally.failed > 0 {
            note(&format!(
                "if the actual results are correct, accept them with `ringfence test {} --update`",
                dir.display()
            ));
        }
    }
    Ok(if tally.failed > 0 { ExitCode::from(exit::UNSOUND) } else { ExitCode::SUCCESS })
}

/// Whether a source of the folder is newer than the component: of the folder itself, of `src` and of `wit`.
fn is_older(component: &Path, dir: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let Some(built) = time(component) else { return false };
    let folders = [dir.to_owned(), dir.join("src"), dir.join("wit")];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let sources = files.map(|entry| entry.path()).filter(|path| {
        let is_source = |extension| ["rs", "js", "py", "go", "c", "h", "wit", "toml"].contains(&extension);
        path.extension().and_then(|extension| extension.to_str()).is_some_and(is_source)
    });
    sources.filter_map(|path| time(&path)).any(|changed| changed > built)
}

/// What was seen so far.
#[derive(Default)]
struct Tally {
    json: bool,
    /// Whether what comes is kept.
    update: bool,
    passed: u64,
    updated: u64,
    failed: u64,
    /// Whether a case of the last list differed.
    changed_last: bool,
    rows: Vec<serde_json::Value>,
}

impl Tally {
    /// Runs cases; gives them with what they gave, where that is not what was to come.
    async fn run(&mut self, subject: &Subject, cases: Vec<Case>) -> Result<Vec<Case>, Refused> {
        self.changed_last = false;
        let mut now = Vec::new();
        for case in cases {
            let (saw, _) = subject.run(&case).await?;
            let difference = case.difference(&saw);
            if self.json {
                self.rows.push(json!({"name": case.name, "passed": difference.is_none(), "outcome": saw.outcome, "value": saw.value, "difference": difference}));
            } else {
                let name = text::clean(&case.name, 80);
                match &difference {
                    None => print(&format!("ok    {name}")),
                    Some(difference) => {
                        let what = if self.update && saw.refused.is_none() { "new " } else { "FAIL" };
                        print(&format!("{what}  {name}: {}", text::clean(difference, 1000)));
                    }
                }
            }
            // A call that was refused is no result to be kept: the case is wrong, or the tool is gone.
            if difference.is_some() && self.update && saw.refused.is_none() {
                self.updated = self.updated.saturating_add(1);
                self.changed_last = true;
                now.push(case.expecting(&saw));
            } else if difference.is_some() {
                self.failed = self.failed.saturating_add(1);
                now.push(case);
            } else {
                self.passed = self.passed.saturating_add(1);
                now.push(case);
            }
        }
        Ok(now)
    }
}
