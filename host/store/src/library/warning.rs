//! Warnings for the submitter of a skill.

use ringfence::{Access, Import, Tool};
use serde::Serialize;

/// A warning about something allowed that can surprise the submitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "warning")]
#[non_exhaustive]
pub enum Warning {
    /// A tool's name is too long for some agents.
    LongName {
        /// The tool.
        tool: String,
    },
    /// The skill imports an interface that is not granted here: calls return `denied`.
    NotGranted {
        /// The interface.
        interface: String,
    },
    /// The store found a foreign artifact and did not load it.
    ArtifactRejected {
        /// What is wrong with it.
        reason: String,
    },
    /// The code could not be stored.
    NotKept {
        /// Why not.
        reason: String,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LongName { tool } => {
                write!(
                    f,
                    "the tool name `{tool}` has more than {SHORT_NAME} characters; some agents reject it"
                )
            }
            Self::NotGranted { interface } => {
                write!(
                    f,
                    "the skill imports `{interface}`, which needs a grant of the operator; without one every call of it fails with `denied`"
                )
            }
            Self::ArtifactRejected { reason } => {
                write!(
                    f,
                    "the cached code failed authentication ({reason}); it was ignored, and the skill was compiled again"
                )
            }
            Self::NotKept { reason } => {
                write!(
                    f,
                    "cannot cache the compiled code ({reason}); the next process compiles the skill again"
                )
            }
        }
    }
}

/// Maximum length of a tool name in every agent protocol.
const SHORT_NAME: usize = 64;

/// Returns the warnings for a skill with these tools and imports.
pub fn warnings<'a>(tools: impl Iterator<Item = Tool<'a>>, imports: &[Import]) -> Vec<Warning> {
    let long = tools.filter(|tool| tool.name().chars().count() > SHORT_NAME);
    let long = long.map(|tool| Warning::LongName { tool: tool.name().to_owned() });
    let denied = asks_for(imports).map(|interface| Warning::NotGranted { interface: interface.to_owned() });
    long.chain(denied).collect()
}

/// Returns the imported interfaces that an operator would have to grant.
pub fn asks_for(imports: &[Import]) -> impl Iterator<Item = &str> {
    let denied = imports.iter().filter(|import| matches!(import.access, Access::ByGrant | Access::Denied));
    denied.map(|import| import.name.as_str()).filter(|name| name.starts_with("ringfence:"))
}
