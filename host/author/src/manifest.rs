//! `skill.toml`: the author's description of a skill beside its WIT.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use ringfence_policy::RequestedHttp;
use ringfence_section::{Annotations, Asks};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::error::AuthorError;
use crate::language::Language;

/// The name of the file.
pub const FILE: &str = "skill.toml";

/// The content of `skill.toml`. Unknown keys are errors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// The name under which the skill is submitted.
    pub name: Option<String>,
    /// The author's version.
    pub version: Option<String>,
    /// A description of the skill. Default: the documentation of the WIT world.
    pub description: Option<String>,
    /// The licence, as an SPDX expression.
    pub license: Option<String>,
    /// The language. Default: detected from the files.
    pub language: Option<Language>,
    /// The file with instructions for agents. Default: `SKILL.md`, if it exists.
    pub skill_md: Option<PathBuf>,
    /// The folder or file of the WIT. Default: `wit`.
    pub wit: Option<PathBuf>,
    /// The world; required if the WIT has several.
    pub world: Option<String>,
    /// The requested grants.
    #[serde(default)]
    pub grants: Asks,
    /// Claims about tools, by name: `tool` or `interface_tool`.
    #[serde(default)]
    pub tools: BTreeMap<String, ToolTable>,
    /// Examples of calls.
    #[serde(default, rename = "example")]
    pub examples: Vec<Example>,
}

/// What the author says of a tool: claims in the words of MCP, and the meaning of its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolTable {
    /// A title for people.
    pub title: Option<String>,
    /// The tool changes nothing in its environment.
    pub read_only: Option<bool>,
    /// The tool may destroy data.
    pub destructive: Option<bool>,
    /// A second call with the same input changes nothing more.
    pub idempotent: Option<bool>,
    /// The tool interacts with external entities.
    pub open_world: Option<bool>,
    /// The meaning of each parameter, by name, because WIT has no place for it. A list in the function's comment does
    /// the same, with items such as "- `text`: what to measure".
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

impl ToolTable {
    /// Returns the claims, as the component carries them; none if there is none.
    pub(crate) fn annotations(&self) -> Option<Annotations> {
        let Self { title, read_only, destructive, idempotent, open_world, parameters: _ } = self.clone();
        let claims = Annotations { title, read_only, destructive, idempotent, open_world };
        Some(claims).filter(|claims| !claims.is_empty())
    }
}

/// An input that shows what a tool does. `ringfence test` runs it, and agents see it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The name, which says what the example shows; unique in the skill.
    pub name: String,
    /// The tool. Optional for a skill with one tool.
    pub tool: Option<String>,
    /// The input, a JSON object.
    #[serde(default = "empty", deserialize_with = "input")]
    pub input: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Converts a TOML table to JSON. Refuses values that JSON does not have.
fn input<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let table = toml::Table::deserialize(deserializer)?;
    json(toml::Value::Table(table)).map_err(serde::de::Error::custom)
}

fn json(value: toml::Value) -> Result<Value, &'static str> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(_) => {
            return Err("JSON has no such number; write it as a string, `\"NaN\"` or `\"Infinity\"`");
        }
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(_) => return Err("JSON has no dates; put it in quotes"),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(key, value)| Ok((key, json(value)?)));
            Value::Object(members.collect::<Result<_, &'static str>>()?)
        }
    })
}

/// Positions of values that are checked after all is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Places {
    name: Option<Spanned<String>>,
    skill_md: Option<Spanned<PathBuf>>,
    wit: Option<Spanned<PathBuf>>,
    #[serde(default)]
    grants: PlacedGrants,
    #[serde(default)]
    example: Vec<PlacedExample>,
}

#[derive(Default, Deserialize)]
struct PlacedGrants {
    #[serde(default)]
    http: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
struct PlacedExample {
    name: Spanned<String>,
}

/// Returns whether a name is valid for a skill in a store, where it is also the name of a file.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= 63
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// Returns whether a path stays in its folder, by its text; the manifest may be a stranger's.
fn stays(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

impl Manifest {
    /// Reads `skill.toml` of a folder; returns an empty manifest if there is none.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Manifest`], which has the line, or [`AuthorError::Io`].
    pub fn read(dir: &Path) -> Result<Option<Self>, AuthorError> {
        let file = dir.join(FILE);
        let source = match std::fs::read_to_string(&file) {
            Ok(source) => source,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AuthorError::io("read", file)(error)),
        };
        Self::parse(&source, &file).map(Some)
    }

    /// Parses the text of a manifest. Errors name `file`.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Manifest`], which has the line.
    pub fn parse(source: &str, file: &Path) -> Result<Self, AuthorError> {
        let wrong = |at: usize, reason: String| {
            let before = source.get(..at).unwrap_or(source);
            let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
            AuthorError::Manifest { file: file.to_owned(), line, reason }
        };
        let manifest: Self = toml::from_str(source)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        // It was read once, so it can be again.
        let places: Places = toml::from_str(source).unwrap_or_default();
        if let Some(name) = places.name.filter(|name| !is_name(name.get_ref())) {
            let reason =
                "invalid name; expected 1 to 63 lower-case letters, digits and hyphens, not starting with a hyphen"
                    .to_owned();
            return Err(wrong(name.span().start, reason));
        }
        let mut paths = [places.skill_md, places.wit].into_iter().flatten();
        if let Some(path) = paths.find(|path| !stays(path.get_ref())) {
            let reason = format!("`{}` leads out of the skill's folder", path.get_ref().display());
            return Err(wrong(path.span().start, reason));
        }
        for entry in &places.grants.http {
            if let Err(error) = entry.get_ref().parse::<RequestedHttp>() {
                let reason = format!(
                    "invalid request for `http`: {error}; expected a host, a URL as in a grant, or `*` if the input names the URLs"
                );
                return Err(wrong(entry.span().start, reason));
            }
        }
        let mut known = BTreeSet::new();
        for name in places.example.iter().map(|example| &example.name) {
            if !known.insert(name.get_ref()) {
                let reason = format!(
                    "two examples have the name `{}`; rename one, because snapshots use the names",
                    name.get_ref()
                );
                return Err(wrong(name.span().start, reason));
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line and the text of an error.
    fn wrong(source: &str) -> (usize, String) {
        match Manifest::parse(source, Path::new("skill.toml")) {
            Err(AuthorError::Manifest { line, reason, .. }) => (line, reason),
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn errors_name_their_line() {
        let rows = [
            ("version = \"1\"\nname = \"../x\"", 2, "lower-case letters"),
            ("name = \"\"", 1, "lower-case letters"),
            ("name = \"-a\"", 1, "lower-case letters"),
            ("\nskill-md = \"/etc/hostname\"", 2, "leads out"),
            ("wit = \"../wit\"", 1, "leads out"),
            ("nam = \"a\"", 1, "unknown field"),
            ("[grants]\nkv = true\nhttp = [\"a.example\", \"*.com\"]", 3, "or `*` if the input"),
            ("[grants]\nhttp = [\"ftp://a.example/\"]", 2, "invalid request for `http`"),
            ("[tools.a]\nsafe = true", 2, "unknown field"),
            ("[[example]]\nname = \"e\"\n[[example]]\nname = \"e\"", 4, "two examples"),
            ("[[example]]\nname = \"e\"\ninput = 1", 3, "expected a map"),
            ("[[example]]\nname = \"e\"\ninput = {at = 2026-01-01}", 3, "in quotes"),
            ("[[example]]\nname = \"e\"\ninput = {at = nan}", 3, "no such number"),
        ];
        for (source, line, part) in rows {
            let (at, reason) = wrong(source);
            assert!(at == line && reason.contains(part), "{source}: {at}: {reason}");
        }
    }

    #[test]
    fn a_name_has_the_length_limit_of_the_store() {
        let with =
            |length| Manifest::parse(&format!("name = \"{}\"", "a".repeat(length)), Path::new("skill.toml"));
        assert!(with(63).is_ok());
        assert!(with(64).is_err());
    }
}
