//! Test cases of a skill's tools. `cases.jsonl` has a JSON object a line. `snapshots.jsonl` has the results of the
//! examples of `skill.toml`.

use std::fmt::Write as _;
use std::path::Path;

use ringfence_files::{ORDINARY, replace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::AuthorError;

/// A test case: an input and the expected result.
///
/// Absent fields are not compared. A case without `outcome` has no expectation yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name, which says what the case shows.
    pub name: String,
    /// The tool. Optional for a skill with one tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The input, as JSON.
    #[serde(default = "empty")]
    pub input: Value,
    /// The name of the outcome, or the code of a refused call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The value of a `completed` call.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
    /// The value of a `failed` call.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub failure: Option<Value>,
    /// Texts that the JSON of the value must contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// The code of the trap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trap: Option<String>,
    /// Texts that the log must contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Deserializes a field that is present; `null` is a value, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The actual result of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saw {
    /// The name of the outcome, or the code of a refused call.
    pub outcome: String,
    /// The value of a `completed` or `failed` call.
    pub value: Option<Value>,
    /// The code of the trap.
    pub trap: Option<String>,
    /// Why the call was refused, if it was.
    pub refused: Option<String>,
    /// All log lines.
    pub log: String,
}

impl Case {
    /// Creates a case from an example, with its snapshot from `kept` if there is one.
    pub fn of_example(example: &crate::manifest::Example, kept: &[Self]) -> Self {
        // What is kept of another input is nothing of this one.
        let of_this = |kept: &&Self| {
            kept.name == example.name && kept.input == example.input && kept.tool == example.tool
        };
        let kept = kept.iter().find(of_this);
        let result = kept.cloned().unwrap_or_else(|| Self::bare(&example.name));
        Self {
            name: example.name.clone(),
            tool: example.tool.clone(),
            input: example.input.clone(),
            ..result
        }
    }

    /// Creates a case without any expectation.
    fn bare(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tool: None,
            input: empty(),
            outcome: None,
            value: None,
            failure: None,
            contains: Vec::new(),
            trap: None,
            log: Vec::new(),
        }
    }

    /// Returns the case with the actual result as the expected one.
    #[must_use]
    pub fn expecting(&self, saw: &Saw) -> Self {
        let failed = saw.outcome == "failed";
        Self {
            outcome: Some(saw.outcome.clone()),
            value: saw.value.clone().filter(|_| !failed),
            failure: saw.value.clone().filter(|_| failed),
            trap: saw.trap.clone(),
            contains: Vec::new(),
            ..self.clone()
        }
    }

    /// Returns how the actual result differs from the expected one; none if it does not.
    pub fn difference(&self, saw: &Saw) -> Option<String> {
        let Some(outcome) = &self.outcome else {
            return Some(format!("no expected result yet; got {}", said(saw)));
        };
        let wanted = self.value.as_ref().or(self.failure.as_ref());
        let text = saw.value.as_ref().map(Value::to_string).unwrap_or_default();
        let mut why = String::new();
        if *outcome != saw.outcome {
            let _ = write!(why, "expected {outcome}");
        } else if let Some(wanted) = wanted.filter(|wanted| Some(*wanted) != saw.value.as_ref()) {
            let _ = write!(why, "expected {}", short(&wanted.to_string()));
        } else if let Some(part) = self.contains.iter().find(|part| !text.contains(&**part)) {
            let _ = write!(why, "expected {part:?} in the value");
        } else if self.trap.is_some() && self.trap != saw.trap {
            let _ = write!(why, "expected the trap {}", self.trap.as_deref().unwrap_or_default());
        } else if let Some(part) = self.log.iter().find(|part| !saw.log.contains(&**part)) {
            let _ = write!(why, "expected {part:?} in the log");
        } else {
            return None;
        }
        Some(format!("{why}, got {}", said(saw)))
    }
}

fn said(saw: &Saw) -> String {
    if let Some(why) = &saw.refused {
        return format!("{} ({})", saw.outcome, short(why));
    }
    match (&saw.value, &saw.trap) {
        (Some(value), _) => format!("{} {}", saw.outcome, short(&value.to_string())),
        (None, Some(trap)) => format!("{} ({trap})", saw.outcome),
        (None, None) => saw.outcome.clone(),
    }
}

/// Returns at most 300 bytes of a text.
fn short(text: &str) -> String {
    let end = text.floor_char_boundary(300);
    match text.get(..end) {
        Some(begin) if end < text.len() => format!("{begin}…"),
        _ => text.to_owned(),
    }
}

/// Removes the byte order mark that some editors write before a text.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Reads the cases of a file; returns none if the file does not exist.
///
/// # Errors
///
/// Fails with [`AuthorError::Manifest`], which has the line that is no case, or [`AuthorError::Io`].
pub fn read(file: &Path) -> Result<Vec<Case>, AuthorError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(AuthorError::io("read", file)(error)),
    };
    parse(unmarked(&text), file, |line| serde_json::from_str(line))
}

/// Reads the data set of an evaluation. A line is a case or an input alone; the name of an input is its line.
///
/// # Errors
///
/// Fails with [`AuthorError::Manifest`], which has the line that is neither, or [`AuthorError::Io`].
pub fn read_data(file: &Path) -> Result<Vec<Case>, AuthorError> {
    let text = std::fs::read_to_string(file).map_err(AuthorError::io("read", file))?;
    let mut at = 0_usize;
    parse(unmarked(&text), file, |line| {
        at = at.saturating_add(1);
        let value: Value = serde_json::from_str(line)?;
        if value.get("input").is_some_and(Value::is_object) {
            let mut value = value;
            if let Some(members) = value.as_object_mut()
                && !members.contains_key("name")
            {
                members.insert("name".into(), format!("input {at}").into());
            }
            return serde_json::from_value(value);
        }
        Ok(Case { input: value, ..Case::bare(&format!("input {at}")) })
    })
}

fn parse(
    text: &str,
    file: &Path,
    mut case: impl FnMut(&str) -> Result<Case, serde_json::Error>,
) -> Result<Vec<Case>, AuthorError> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    lines
        .map(|(text, line)| {
            case(text).map_err(|error| AuthorError::Manifest {
                file: file.to_owned(),
                line,
                reason: format!("invalid case: {error}"),
            })
        })
        .collect()
}

/// Writes cases to a file, one a line. Keeps the text of each line that already has the same case.
///
/// # Errors
///
/// Fails with [`AuthorError::Io`].
pub fn write(file: &Path, cases: &[Case]) -> Result<(), AuthorError> {
    let before = std::fs::read_to_string(file).unwrap_or_default();
    let before: Vec<(&str, Case)> =
        before.lines().filter_map(|line| Some((line, serde_json::from_str(line).ok()?))).collect();
    let mut text = String::new();
    for case in cases {
        match before.iter().find(|(_, known)| known == case) {
            Some((line, _)) => text.push_str(line),
            None => {
                let line = serde_json::to_string(case);
                text.push_str(&line.map_err(|error| AuthorError::Made { what: error.to_string() })?);
            }
        }
        text.push('\n');
    }
    replace(file, text.as_bytes(), ORDINARY).map_err(AuthorError::io("write", file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saw(outcome: &str, value: Option<Value>) -> Saw {
        Saw { outcome: outcome.into(), value, ..Saw::default() }
    }

    #[test]
    fn differences_are_reported() {
        let case: Case =
            serde_json::from_value(json!({"name": "n", "outcome": "completed", "value": null, "log": ["x"]}))
                .expect("a case");
        assert!(
            case.difference(&saw("failed", None))
                .is_some_and(|why| why.starts_with("expected completed, got failed"))
        );
        assert!(
            case.difference(&saw("completed", Some(json!(1))))
                .is_some_and(|why| why.contains("expected null"))
        );
        assert!(
            case.difference(&saw("completed", Some(Value::Null)))
                .is_some_and(|why| why.contains("in the log"))
        );
        let with_log = Saw { log: "axb".into(), ..saw("completed", Some(Value::Null)) };
        assert_eq!(case.difference(&with_log), None);
        let unknown: Case = serde_json::from_value(json!({"name": "n"})).expect("a case");
        assert!(unknown.difference(&with_log).is_some_and(|why| why.contains("no expected result yet")));
        assert_eq!(unknown.expecting(&with_log).difference(&with_log), None);
    }

    #[test]
    fn data_is_cases_or_inputs() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("data.jsonl");
        std::fs::write(&file, "{\"text\": \"a\"}\n\n{\"input\": {\"text\": \"b\"}, \"tool\": \"t\"}\n")
            .expect("written");
        let data = read_data(&file).expect("it is one");
        let [first, second] = &*data else { panic!("two: {data:?}") };
        assert_eq!((&*first.name, &first.input, &first.tool), ("input 1", &json!({"text": "a"}), &None));
        assert_eq!((&*second.name, &second.input), ("input 2", &json!({"text": "b"})));
        std::fs::write(&file, "{}\n[").expect("written");
        assert!(matches!(read_data(&file), Err(AuthorError::Manifest { line: 2, .. })));
    }

    #[test]
    fn lines_that_say_the_same_stay_as_they_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("cases.jsonl");
        let lines = "{\"name\":  \"a\", \"outcome\": \"completed\"}\n{\"name\":  \"b\", \"outcome\": \"completed\"}\n";
        std::fs::write(&file, lines).expect("written");
        let mut cases = read(&file).expect("they are cases");
        if let Some(last) = cases.last_mut() {
            *last = last.expecting(&saw("failed", Some(json!(1))));
        }
        write(&file, &cases).expect("written");
        let now = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(
            now,
            "{\"name\":  \"a\", \"outcome\": \"completed\"}\n{\"name\":\"b\",\"input\":{},\"outcome\":\"failed\",\"failure\":1}\n"
        );
    }
}
