//! The `ringfence:skill` section: documentation of a skill and its tools, checked against the real ones.
//!
//! WIT comments do not survive into a component, so they come in a custom section at the top level of
//! the file: JSON, `{"description": …, "tools": {NAME: {"description": …, "parameters": {NAME: …}}}}`.
//! It is untrusted text: capped at 64 KiB, without control characters other than line breaks. A
//! section that is there and wrong refuses the skill.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::description::ToolDescription;
use crate::error::Refusal;

/// The name of the section.
pub(super) const SECTION: &str = "ringfence:skill";

const SECTION_CAP: usize = 64 << 10;
const TEXT_CAP: usize = 4096;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    tools: BTreeMap<String, ToolDocs>,
}

/// What the author says of a tool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolDocs {
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Adds the documentation to the tools; gives what is said of the whole skill.
pub(super) fn apply(
    section: &[u8],
    tools: &mut [ToolDescription],
    refusals: &mut Vec<Refusal>,
) -> Option<String> {
    match read(section, tools) {
        Ok(about) => about,
        Err(reason) => {
            refusals.push(Refusal::Metadata { reason: crate::text::clean(&reason, 512) });
            None
        }
    }
}

fn read(section: &[u8], tools: &mut [ToolDescription]) -> Result<Option<String>, String> {
    if section.len() > SECTION_CAP {
        return Err(format!("{} bytes; the cap is {SECTION_CAP}", section.len()));
    }
    let metadata: Metadata = serde_json::from_slice(section).map_err(|error| error.to_string())?;
    if let Some(text) = &metadata.description {
        check_text("description", text)?;
    }
    for (name, docs) in metadata.tools {
        let Some(tool) = tools.iter_mut().find(|tool| *tool.name == *name || *tool.full_name == *name) else {
            return Err(format!("it documents the tool `{name}`, which the skill does not have"));
        };
        if let Some(text) = &docs.description {
            check_text(&format!("description of `{name}`"), text)?;
        }
        for (param, text) in &docs.parameters {
            if !tool.params.iter().any(|(known, _)| **known == **param) {
                return Err(format!(
                    "it documents the parameter `{param}` of `{name}`, which it does not have"
                ));
            }
            check_text(&format!("text of parameter `{param}` of `{name}`"), text)?;
        }
        tool.docs = Some(docs);
    }
    Ok(metadata.description)
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TEXT_CAP {
        return Err(format!("the {what} has {} bytes; the cap is {TEXT_CAP}", text.len()));
    }
    match text.chars().find(|c| *c != '\n' && *c != '\t' && crate::text::is_unsafe(*c)) {
        Some(c) => Err(format!("the {what} holds the character U+{:04X}", c as u32)),
        None => Ok(()),
    }
}
