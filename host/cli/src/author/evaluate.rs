//! `ringfence test --against`: the same inputs through two versions of a skill; which answers, outcomes, fuel and time
//! changed, as a table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use ringfence::text;
use ringfence_author::cases::{self, Case, Saw};
use ringfence_author::{AuthorError, Project};
use serde_json::{Value, json};

use super::subject::{Subject, component};
use crate::args::TestArgs;
use crate::exit;
use crate::load::Source;
use crate::output::{self, Refused, note, print, thousands};

/// An input, with the old and the new result.
struct Row {
    case: Case,
    old: Ran,
    new: Ran,
}

struct Ran {
    saw: Saw,
    /// None where the call was refused: nothing ran.
    cost: Option<Cost>,
}

#[derive(Clone, Copy)]
struct Cost {
    fuel: u64,
    micros: u64,
}

impl Row {
    /// What changed, in one word, the gravest first; nothing where cost differs by less than a tenth, or only in time,
    /// which differs from run to run.
    fn change(&self) -> Option<&'static str> {
        let (old, new) = (&self.old.saw, &self.new.saw);
        let costlier = self.costs().is_some_and(|(old, new)| {
            let difference = old.fuel.abs_diff(new.fuel);
            difference > old.fuel.div_euclid(10)
        });
        if (&old.outcome, &old.trap) != (&new.outcome, &new.trap) {
            Some("outcome")
        } else if old.value != new.value {
            Some("answer")
        } else if costlier {
            Some("fuel")
        } else {
            None
        }
    }

    /// The costs of both runs; none if a call was refused.
    fn costs(&self) -> Option<(Cost, Cost)> {
        self.old.cost.zip(self.new.cost)
    }
}

pub(super) async fn exec(args: &TestArgs, old: &str) -> Result<ExitCode, Refused> {
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    // A component and data of their own need no folder.
    let project = match Project::open(dir) {
        Ok(project) => Some(project),
        Err(AuthorError::NoSkill(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let component = component(args, project.as_ref())?;
    let data = match &args.data {
        Some(file) => cases::read_data(file)?,
        None => inputs(dir, project.as_ref())?,
    };
    if data.is_empty() {
        let message = "no inputs to compare; pass a file of inputs with --data".to_owned();
        return Err(Refused { exit: exit::USAGE, code: "no-cases", ..Refused::fault(message) });
    }
    let before = Subject::load(args, &Source::of(old)).await?;
    let now = Subject::load(args, &Source::File(component)).await?;
    if let Some(case) = data.first() {
        // Neither is measured cold.
        run(&before, case).await?;
        run(&now, case).await?;
    }
    let mut rows = Vec::new();
    for (case, turn) in data.into_iter().zip(0_u64..) {
        // In turns, each as often first: a machine drifts, neighbours do not.
        let (old, new) = if turn.is_multiple_of(2) {
            let old = run(&before, &case).await?;
            (old, run(&now, &case).await?)
        } else {
            let new = run(&now, &case).await?;
            (run(&before, &case).await?, new)
        };
        rows.push(Row { case, old, new });
    }
    if args.json {
        show_json(&rows)
    } else {
        show(&rows)
    }
    Ok(ExitCode::SUCCESS)
}

/// Without a set of data: the skill's own examples and cases.
fn inputs(dir: &Path, project: Option<&Project>) -> Result<Vec<Case>, Refused> {
    let examples = project.map(|project| project.manifest().examples.as_slice()).unwrap_or_default();
    let mut all: Vec<Case> = examples.iter().map(|example| Case::of_example(example, &[])).collect();
    all.extend(cases::read(&dir.join("cases.jsonl"))?);
    Ok(all)
}

async fn run(subject: &Subject, case: &Case) -> Result<Ran, Refused> {
    let (saw, report) = subject.run(case).await?;
    let cost = report.as_ref().map(|report| Cost {
        fuel: report.usage.fuel,
        micros: u64::try_from(report.usage.wall.as_micros()).unwrap_or(u64::MAX),
    });
    Ok(Ran { saw, cost })
}

fn show(rows: &[Row]) {
    let changed: Vec<&Row> = rows.iter().filter(|row| row.change().is_some()).collect();
    if !changed.is_empty() {
        print(&line(["input", "changed", "before", "now", "fuel", "time"]));
    }
    for row in &changed {
        let costs = row.costs();
        let compared =
            |of: fn(Cost) -> u64| costs.map_or_else(|| "-".to_owned(), |(old, new)| ratio(of(old), of(new)));
        print(&line([
            &text::clean(&row.case.name, 24),
            row.change().unwrap_or_default(),
            &said(&row.old.saw),
            &said(&row.new.saw),
            &compared(|cost| cost.fuel),
            &compared(|cost| cost.micros),
        ]));
    }
    let count = |change| rows.iter().filter(|row| row.change() == change).count();
    let costs: Vec<(Cost, Cost)> = rows.iter().filter_map(Row::costs).collect();
    let sum = |of: fn(&(Cost, Cost)) -> u64| costs.iter().map(of).fold(0, u64::saturating_add);
    let (fuel, fuel_now) = (sum(|(old, _)| old.fuel), sum(|(_, new)| new.fuel));
    let (time, time_now) = (sum(|(old, _)| old.micros), sum(|(_, new)| new.micros));
    print(&format!("inputs    {}", rows.len()));
    print(&format!("same      {}", count(None)));
    print(&format!("answers   {} changed", count(Some("answer"))));
    print(&format!("outcomes  {} changed", count(Some("outcome"))));
    let refused = |ran: &Ran| ran.saw.refused.is_some();
    let nowhere: Vec<&Row> = rows.iter().filter(|row| refused(&row.old) && refused(&row.new)).collect();
    if let Some(first) = nowhere.first() {
        let why = text::clean(first.new.saw.refused.as_deref().unwrap_or_default(), 200);
        note(&format!(
            "warning: both versions refused {} inputs; the first is `{}`: {why}",
            nowhere.len(),
            text::clean(&first.case.name, 80)
        ));
    }
    let refused_once = rows.len().saturating_sub(costs.len());
    if refused_once > 0 {
        print(&format!("refused   {refused_once} in one version or both, excluded from fuel and time"));
    }
    print(&format!("cost      {} changed by more than 10 % in fuel", count(Some("fuel"))));
    print(&format!("fuel      {} → {} ({})", thousands(fuel), thousands(fuel_now), ratio(fuel, fuel_now)));
    print(&format!("time      {} → {} ({})", millis(time), millis(time_now), ratio(time, time_now)));
}

/// A row of the table, its columns in line.
fn line(columns: [&str; 6]) -> String {
    let mut out = String::new();
    for (column, width) in columns.into_iter().zip([24, 8, 32, 32, 8, 8]) {
        let text: String = text::clean(column, 1000).replace('\n', " ");
        let short: String = text.chars().take(width).collect();
        let _ = write!(out, "{short:width$}  ");
    }
    out.trim_end().to_owned()
}

fn said(saw: &Saw) -> String {
    match &saw.value {
        Some(value) if saw.outcome == "completed" => value.to_string(),
        Some(value) => format!("{} {value}", saw.outcome),
        None => match &saw.trap {
            Some(trap) => format!("{} ({trap})", saw.outcome),
            None => saw.outcome.clone(),
        },
    }
}

/// The ratio with two decimals; empty if the old value is 0.
fn ratio(old: u64, new: u64) -> String {
    // Hundredths, rounded down: no floating point is needed to read a table.
    match new.saturating_mul(100).checked_div(old) {
        Some(hundredths) => {
            let (whole, rest) = (hundredths.div_euclid(100), hundredths.rem_euclid(100));
            format!("{whole}.{rest:02} ×")
        }
        None => "-".to_owned(),
    }
}

fn millis(micros: u64) -> String {
    let (whole, rest) = (micros.div_euclid(1000), micros.rem_euclid(1000));
    format!("{}.{:01} ms", thousands(whole), rest.div_euclid(100))
}

fn show_json(rows: &[Row]) {
    let side = |ran: &Ran| {
        json!({
            "outcome": ran.saw.outcome,
            "value": ran.saw.value,
            "trap": ran.saw.trap,
            "fuel": ran.cost.map(|cost| cost.fuel),
            "wall_us": ran.cost.map(|cost| cost.micros),
        })
    };
    let all: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.case.name,
                "tool": row.case.tool,
                "changed": row.change(),
                "before": side(&row.old),
                "now": side(&row.new),
            })
        })
        .collect();
    output::print_json(&json!({"inputs": all}));
}
