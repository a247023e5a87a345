//! A grant: a capability, and the skills and principals that it is bound to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GrantError;
use crate::http_rule::HttpRule;
use crate::line::check_config;
use crate::pattern::NamePattern;
use crate::rules::{Capability, KvRule, ScratchRule};
use crate::subject::{SkillSelector, Subject};
use crate::words::{shell, toml};

/// The operator's permission for skills to use one capability.
///
/// `ringfence.toml` has a `[[grant]]` table for each. The capability is a table of its own, or one line under `allow`:
///
/// ```
/// # #[derive(serde::Deserialize)] struct File { grant: ringfence_policy::Policy }
/// let file: File = toml::from_str(r#"
///     [[grant]]
///     skill = "acme/fetch"
///     principals = ["alice"]
///     http = { methods = ["GET"], url = "https://*.example.com/v1/", requests = 10 }
///
///     [[grant]]
///     skill = "acme/fetch"
///     allow = "kv space=principal"
/// "#)?;
/// assert_eq!(file.grant.len(), 2);
/// # Ok::<(), toml::de::Error>(())
/// ```
///
/// On the command line a grant is the line alone, for the skill of the run: `--grant 'kv space=principal'`. `Display`
/// writes the line that `FromStr` reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "GrantTable")]
pub struct Grant {
    /// The skills. `None` is the skill of this run.
    pub skill: Option<SkillSelector>,
    /// The callers, or everyone if the list is empty.
    pub principals: Vec<String>,
    /// The capability, and its rule.
    pub capability: Capability,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GrantTable {
    skill: Option<SkillSelector>,
    #[serde(default)]
    principals: Vec<String>,
    allow: Option<Line>,
    http: Option<HttpRule>,
    kv: Option<KvRule>,
    config: Option<BTreeMap<String, String>>,
    secrets: Option<Vec<NamePattern>>,
    tools: Option<Vec<NamePattern>>,
    scratch: Option<ScratchRule>,
}

/// A capability in its one-line form.
struct Line(Capability);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Capability {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<GrantTable> for Grant {
    type Error = GrantError;

    fn try_from(table: GrantTable) -> Result<Self, GrantError> {
        let given = [
            table.allow.map(|line| ("allow", line.0)),
            table.http.map(|rule| ("http", Capability::Http(Box::new(rule)))),
            table.kv.map(|rule| ("kv", Capability::Kv(rule))),
            table.config.map(|values| ("config", Capability::Config(values))),
            table.secrets.map(|names| ("secrets", Capability::Secrets(names))),
            table.tools.map(|names| ("tools", Capability::Tools(names))),
            table.scratch.map(|rule| ("scratch", Capability::Scratch(rule))),
        ];
        let mut given = given.into_iter().flatten();
        let (first, capability) = given.next().ok_or(GrantError::Nothing)?;
        if let Some((second, _)) = given.next() {
            return Err(GrantError::Several(format!("{first}` and `{second}")));
        }
        match &capability {
            Capability::Config(values) => check_config(values)?,
            Capability::Secrets(names) | Capability::Tools(names) if names.is_empty() => {
                return Err(GrantError::Nothing);
            }
            Capability::Http(_) | Capability::Kv(_) | Capability::Secrets(_) | Capability::Tools(_) => {}
            Capability::Scratch(rule) => rule.check()?,
        }
        Ok(Self { skill: table.skill, principals: table.principals, capability })
    }
}

impl Grant {
    /// Creates a grant for the skill of this run.
    pub fn of_run(capability: Capability) -> Self {
        Self { skill: None, principals: Vec::new(), capability }
    }

    /// Returns true if the grant is bound to the subject.
    pub fn binds(&self, subject: &Subject) -> bool {
        let principal = || subject.principal.as_deref();
        self.skill.as_ref().is_none_or(|skill| skill.matches(subject))
            && (self.principals.is_empty()
                || principal().is_some_and(|found| self.principals.iter().any(|own| own == found)))
    }

    /// Returns the option to paste into a command: `--grant 'kv'`, quoted for a POSIX shell.
    pub fn to_option(&self) -> String {
        format!("--grant {}", shell(&self.to_string()))
    }

    /// Returns the table to paste into `ringfence.toml`.
    pub fn to_table(&self) -> String {
        let mut table = String::from("[[grant]]\n");
        if let Some(skill) = &self.skill {
            table.push_str(&format!("skill = {}\n", toml(&skill.to_string())));
        }
        if !self.principals.is_empty() {
            let principals: Vec<_> = self.principals.iter().map(|principal| toml(principal)).collect();
            table.push_str(&format!("principals = [{}]\n", principals.join(", ")));
        }
        table.push_str(&format!("allow = {}\n", toml(&self.to_string())));
        table
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.capability.fmt(f)
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(line: &str) -> Result<Self, GrantError> {
        line.parse().map(Self::of_run)
    }
}
