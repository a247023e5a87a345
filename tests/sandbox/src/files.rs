//! Components from files and the cases that are told of them, a JSON object a line.

use std::path::Path;
use std::{fs, io};

use ringfence::{Host, Limits, Outcome, Report};
use serde_json::{Value, json};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Runs every case of a file on a component; gives how many there were, and what was not as told.
///
/// A case has `tool`, `input` and `outcome`; and, where they matter, `value` or `failure`, `contains` (texts
/// that the value's JSON must hold), `trap` (the trap's code) and `log` (texts that the log must hold).
///
/// # Errors
///
/// When a file cannot be read.
pub fn run_cases(
    host: &Host,
    component: &Path,
    cases: &Path,
    limits: &Limits,
) -> io::Result<(usize, Vec<String>)> {
    let bytes = fs::read(component)?;
    let skill =
        host.load(bytes).map_err(|error| io::Error::other(format!("{}: {error}", component.display())))?;
    let (mut count, mut wrong) = (0, Vec::new());
    for line in fs::read_to_string(cases)?.lines().filter(|line| !line.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).map_err(io::Error::other)?;
        count += 1;
        let tool = case["tool"].as_str().unwrap_or_default();
        let input = case.get("input").cloned().unwrap_or_else(|| json!({}));
        let said = match crate::runtime().block_on(host.run(&skill, tool, input, limits)) {
            Ok(report) => differs(&case, &report),
            Err(error) if case["outcome"] == error.code() => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(said) = said {
            wrong.push(format!("{}: {}: {said}", component.display(), case["name"]));
        }
    }
    Ok((count, wrong))
}

fn differs(case: &Value, report: &Report) -> Option<String> {
    let value = match &report.outcome {
        Outcome::Completed(value) | Outcome::Failed(value) => value.to_value(),
        _ => Value::Null,
    };
    let wanted = case.get("value").or_else(|| case.get("failure"));
    let texts = |key: &str| -> Vec<String> {
        let all = case[key].as_array().cloned().unwrap_or_default();
        all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let contains = texts("contains");
    let text = value.to_string();
    let log: String = report.log.iter().map(|line| format!("{}\n", line.message)).collect();
    let trap = match &report.outcome {
        Outcome::Trapped(trap) => Some(trap.code),
        _ => None,
    };
    let same = case["outcome"] == report.outcome.name()
        && wanted.is_none_or(|wanted| *wanted == value)
        && case.get("trap").is_none_or(|wanted| wanted.as_str() == trap)
        && contains.iter().all(|part| text.contains(part))
        && texts("log").iter().all(|part| log.contains(part));
    if same {
        return None;
    }
    let expected = wanted.map_or_else(|| format!("{contains:?}"), Value::to_string);
    Some(format!("expected {} {expected}, got {:?} (log: {:?})", case["outcome"], report.outcome, report.log))
}
