//! `skill.toml`: what an author says of a skill beside its WIT.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::AuthorError;
use crate::project::Language;

/// The name of the file.
pub const FILE: &str = "skill.toml";

/// What `skill.toml` says. Unknown keys are errors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// The name under which it is submitted.
    pub name: Option<String>,
    /// The author's version.
    pub version: Option<String>,
    /// What it is; without it the documentation of the WIT world.
    pub description: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
    /// The language; without it the files tell.
    pub language: Option<Language>,
    /// The file with instructions for agents. Default: `SKILL.md`, if it is there.
    pub skill_md: Option<PathBuf>,
    /// The folder or file of the WIT. Default: `wit`.
    pub wit: Option<PathBuf>,
    /// The world, where the WIT has several.
    pub world: Option<String>,
    /// What it asks to be lent.
    #[serde(default)]
    pub grants: Grants,
    /// Claims of tools, by name: `tool` or `interface_tool`.
    #[serde(default)]
    pub tools: BTreeMap<String, Annotations>,
    /// Inputs that show what a tool does.
    #[serde(default, rename = "example")]
    pub examples: Vec<Example>,
}

/// What a skill asks to be lent. Asking grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Hosts that it sends requests to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Whether it keeps keys and values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kv: bool,
    /// Other tools that it calls, as `skill_tool`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
}

/// What an author says of a tool, in the words of MCP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Annotations {
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It changes nothing around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// It may destroy what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    /// Called again with the same input, it changes nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// It deals with things outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
    /// What each parameter means, by name. WIT has no place for it; a list in the function's comment, with items such as
    /// "- `text`: what to measure", says it as well.
    #[serde(default, skip_serializing)]
    pub parameters: BTreeMap<String, String>,
}

impl Annotations {
    /// Whether nothing is claimed.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { title, read_only, destructive, idempotent, open_world, parameters: _ } = self;
        title.is_none() && [read_only, destructive, idempotent, open_world].iter().all(|it| it.is_none())
    }
}

/// An input that shows what a tool does. `ringfence test` runs it, and agents see it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows; different from every other's.
    pub name: String,
    /// The tool; may be left out where the skill has one.
    pub tool: Option<String>,
    /// The input, as JSON.
    #[serde(default = "empty")]
    pub input: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Manifest {
    /// Reads `skill.toml` of a folder; empty if it is not there.
    ///
    /// # Errors
    ///
    /// [`AuthorError::Manifest`] with the line; [`AuthorError::Io`].
    pub fn read(dir: &Path) -> Result<Option<Self>, AuthorError> {
        let file = dir.join(FILE);
        let source = match std::fs::read_to_string(&file) {
            Ok(source) => source,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AuthorError::io("read", file)(error)),
        };
        Self::parse(&source, &file).map(Some)
    }

    /// Parses the text of `file`.
    ///
    /// # Errors
    ///
    /// [`AuthorError::Manifest`] with the line.
    pub fn parse(source: &str, file: &Path) -> Result<Self, AuthorError> {
        let wrong = |at: usize, reason: String| {
            let before = source.get(..at).unwrap_or(source);
            let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
            AuthorError::Manifest { file: file.to_owned(), line, reason }
        };
        let manifest: Self = toml::from_str(source)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let mut names: Vec<&str> = manifest.examples.iter().map(|example| &*example.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            let name = twice.first().copied().unwrap_or_default();
            let at = source.rfind(name).unwrap_or(0);
            return Err(wrong(
                at,
                format!("two examples are called `{name}`; their results are kept by name"),
            ));
        }
        if let Some(example) = manifest.examples.iter().find(|example| !example.input.is_object()) {
            let at = source.find(&*example.name).unwrap_or(0);
            return Err(wrong(at, format!("the input of `{}` is not a table", example.name)));
        }
        Ok(manifest)
    }
}
