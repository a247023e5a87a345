//! The `ringfence:skill` section: documentation of a skill and its tools, checked against the real ones.
//!
//! WIT comments do not survive into a component, so they come in a custom section at the top level of
//! the file: JSON, `{"description": …, "skill-md": …, "tools": {NAME: {"description": …, "parameters": {NAME: …},
//! "annotations": {"read-only": …, …}}}}`.
//! It is untrusted text: capped at 64 KiB, without control characters other than line breaks. A
//! section that is there and wrong refuses the skill.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::description::ToolDescription;
use super::refusals::Refusals;
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
    #[serde(default, rename = "skill-md")]
    skill_md: Option<String>,
    #[serde(default)]
    tools: Once<ToolDocs>,
}

/// What the author says of the skill as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillDocs {
    pub(crate) description: Option<String>,
    /// The text of a SKILL.md.
    pub(crate) skill_md: Option<String>,
}

/// What the author says of a tool.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolDocs {
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) parameters: Once<String>,
    #[serde(default)]
    pub(crate) annotations: Option<Annotations>,
}

/// What an author claims of how a tool behaves, in the words of MCP. A claim: nothing here checks or enforces it, so
/// show it to an agent only once somebody who is trusted has accepted it.
///
/// What is absent is not claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Annotations {
    /// A title for people.
    #[serde(default)]
    pub title: Option<String>,
    /// It changes nothing around it.
    #[serde(default)]
    pub read_only: Option<bool>,
    /// It may destroy what is there, and not only add to it.
    #[serde(default)]
    pub destructive: Option<bool>,
    /// Called again with the same input, it changes nothing more.
    #[serde(default)]
    pub idempotent: Option<bool>,
    /// It deals with things outside, such as the web.
    #[serde(default)]
    pub open_world: Option<bool>,
}

/// An object whose keys are all different.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Once<T>(pub(crate) BTreeMap<String, T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Once<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Once<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if members.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("`{key}` twice")));
                    }
                    members.insert(key, value);
                }
                Ok(Once(members))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Adds the documentation to the tools; gives what is said of the whole skill.
pub(super) fn apply(
    section: &[u8],
    sections: u32,
    tools: &mut [ToolDescription],
    refusals: &mut Refusals,
) -> SkillDocs {
    // With a tool refused, what documents it would be refused for the wrong reason.
    if !refusals.is_empty() {
        return SkillDocs::default();
    }
    let read = if sections > 1 { Err(format!("there are {sections} of them")) } else { read(section, tools) };
    match read {
        Ok(about) => about,
        Err(reason) => {
            refusals.push(Refusal::Metadata { reason: crate::text::clean(&reason, 512) });
            SkillDocs::default()
        }
    }
}

fn read(section: &[u8], tools: &mut [ToolDescription]) -> Result<SkillDocs, String> {
    if section.len() > SECTION_CAP {
        return Err(format!("{} bytes; the cap is {SECTION_CAP}", section.len()));
    }
    let metadata: Metadata = serde_json::from_slice(section).map_err(|error| error.to_string())?;
    if let Some(text) = &metadata.description {
        check_text("description", text)?;
    }
    if let Some(text) = &metadata.skill_md {
        // As long as the section: a document, not a line.
        check_characters("skill-md", text)?;
    }
    for (name, docs) in metadata.tools.0 {
        let Some(tool) = tools.iter_mut().find(|tool| *tool.name == *name || *tool.full_name == *name) else {
            return Err(format!("it documents the tool `{name}`, which the skill does not have"));
        };
        if let Some(text) = &docs.description {
            check_text(&format!("description of `{name}`"), text)?;
        }
        if let Some(title) = docs.annotations.as_ref().and_then(|annotations| annotations.title.as_deref()) {
            check_text(&format!("title of `{name}`"), title)?;
        }
        for (param, text) in &docs.parameters.0 {
            if !tool.params.iter().any(|(known, _)| **known == **param) {
                return Err(format!(
                    "it documents the parameter `{param}` of `{name}`, which it does not have"
                ));
            }
            check_text(&format!("text of parameter `{param}` of `{name}`"), text)?;
        }
        if tool.docs.replace(docs).is_some() {
            return Err(format!("it documents the tool `{name}` under both of its names"));
        }
    }
    Ok(SkillDocs { description: metadata.description, skill_md: metadata.skill_md })
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TEXT_CAP {
        return Err(format!("the {what} has {} bytes; the cap is {TEXT_CAP}", text.len()));
    }
    check_characters(what, text)
}

fn check_characters(what: &str, text: &str) -> Result<(), String> {
    match text.chars().find(|c| *c != '\n' && *c != '\t' && crate::text::is_unsafe(*c)) {
        Some(c) => Err(format!("the {what} holds the character U+{:04X}", c as u32)),
        None => Ok(()),
    }
}
