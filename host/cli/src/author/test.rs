//! `ringfence test`: runs the examples and cases of a skill in the sandbox, and compares with the expected results.
//!
//! Clock and random numbers are fixed, so that results repeat.

use std::path::Path;
use std::process::ExitCode;

use ringfence::text;
use ringfence_author::Project;
use ringfence_author::cases::{self, Case};
use serde_json::json;

use super::evaluate;
use super::subject::{Subject, component};
use crate::args::TestArgs;
use crate::exit;
use crate::load::Source;
use crate::output::{self, Refused, note, print};

/// The file with the results of the examples.
const SNAPSHOTS: &str = "snapshots.jsonl";
/// The file with further cases.
const CASES: &str = "cases.jsonl";

pub(crate) async fn exec(args: Box<TestArgs>) -> ExitCode {
    let done = match &args.against {
        Some(old) => evaluate::exec(&args, old).await,
        None => test(&args).await,
    };
    done.unwrap_or_else(|refused| refused.say(args.json))
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

/// The results so far.
#[derive(Default)]
struct Tally {
    json: bool,
    /// Whether to store the actual results.
    update: bool,
    passed: u64,
    updated: u64,
    failed: u64,
    /// Whether a case of the last list differed.
    changed_last: bool,
    rows: Vec<serde_json::Value>,
}

impl Tally {
    /// Runs cases, and returns those with unexpected results, each with its result.
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
