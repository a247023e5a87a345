//! A skill under test: its component, and a run of one case with a fixed clock and fixed random numbers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ringfence::{CancellationToken, Clock, Limits, Outcome, Report, RunError, Skill};
use ringfence_author::cases::{Case, Saw};
use ringfence_author::{AuthorError, Project};
use ringfence_store::Library;

use crate::args::TestArgs;
use crate::load::{self, Source};
use crate::output::Refused;
use crate::{exit, run};

/// The start of clocks: 2026-01-01, in seconds since 1970.
const CLOCK: Duration = Duration::from_secs(1_767_225_600);

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
        limits.check(library.host().caps()).map_err(|error| run::refused(error.into()))?;
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
        let call = self.library.begin(&self.skill, &tool, &CancellationToken::new());
        let call = call.limits(&self.limits).seed(1).clock(Clock::Fixed(CLOCK));
        match call.start(case.input.clone()).report().await {
            Ok(report) => Ok((saw(&report), Some(report))),
            Err(error @ (RunError::Host { .. } | RunError::Revoked { .. })) => Err(run::refused(error)),
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
