//! The section `ringfence:skill`: an author's texts and claims, checked against the real tools and types.
//!
//! A component carries no WIT comments, so they come in a custom section at the top level of the file, as JSON;
//! `wit/README.md` has its form. It is untrusted text: at most 64 KiB, without control characters other than line
//! breaks. Every name in it must exist, and example inputs must fit their tools. A wrong section refuses the skill.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::description::ToolDescription;
use super::exports::{Exports, NamedType};
use super::refusals::Refusals;
use crate::error::Refusal;
use crate::json;
use crate::types::{TypeDocs, TypeTable};

/// The name of the section.
pub(super) const SECTION: &str = "ringfence:skill";

const SECTION_CAP: usize = 64 << 10;
const TEXT_CAP: usize = 4096;

/// Longest name, version or licence, in bytes.
const LINE_CAP: usize = 256;

/// Maximum number of hosts, and of tools, that a skill can request.
const ASKS_CAP: usize = 64;

/// Maximum number of examples of all tools together.
const EXAMPLES_CAP: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    grants: Asks,
    #[serde(default, rename = "skill-md")]
    skill_md: Option<String>,
    #[serde(default)]
    tools: Once<ToolDocs>,
    #[serde(default)]
    types: Once<TypeTexts>,
}

/// An author's texts on a type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeTexts {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    fields: Once<String>,
}

/// An author's texts on the skill as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkillDocs {
    pub(crate) description: Option<String>,
    /// The text of a SKILL.md.
    pub(crate) skill_md: Option<String>,
    pub(crate) manifest: Manifest,
}

/// An author's name, version and licence of a skill, and its requested grants.
///
/// These are untrusted claims. The store's own name and version count, and a request grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// The author's name of the skill.
    pub name: Option<String>,
    /// The author's version of the skill.
    pub version: Option<String>,
    /// The author's licence, an SPDX expression.
    pub license: Option<String>,
    /// The requested grants.
    pub grants: Asks,
}

/// Grants that a skill requests beyond what every skill has. A request grants nothing; the operator does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Asks {
    /// Hosts to which the skill sends requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Whether the skill stores keys and values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kv: bool,
    /// Other tools that the skill calls, as `skill_tool`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
}

impl Asks {
    /// Returns whether the skill requests nothing.
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && !self.kv && self.skills.is_empty()
    }
}

/// An author's texts on a tool.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolDocs {
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) parameters: Once<String>,
    #[serde(default)]
    pub(crate) annotations: Option<Annotations>,
    #[serde(default)]
    pub(crate) examples: Vec<Example>,
}

/// An example input of a tool. It fits the tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Example {
    /// What the example shows. Untrusted text.
    pub name: String,
    /// The input, as JSON.
    pub input: Value,
}

/// An author's claims about a tool's behaviour, in the words of MCP.
///
/// Nothing here checks or enforces a claim. Show it to an agent only after a trusted person has accepted it. An absent
/// member claims nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Annotations {
    /// A title for people.
    #[serde(default)]
    pub title: Option<String>,
    /// The tool changes nothing in its environment.
    #[serde(default)]
    pub read_only: Option<bool>,
    /// The tool can destroy existing things, and not only add new ones.
    #[serde(default)]
    pub destructive: Option<bool>,
    /// A second call with the same input changes nothing more.
    #[serde(default)]
    pub idempotent: Option<bool>,
    /// The tool works with things outside, such as the web.
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
                        return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
                    }
                    members.insert(key, value);
                }
                Ok(Once(members))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Adds the documentation to tools and types, and returns the texts on the whole skill.
pub(super) fn apply(
    section: &[u8],
    sections: u32,
    exports: &mut Exports,
    refusals: &mut Refusals,
) -> SkillDocs {
    // With a tool refused, what documents it would be refused for the wrong reason.
    if !refusals.is_empty() {
        return SkillDocs::default();
    }
    let read = if sections > 1 {
        Err(format!("the component has {sections} of them; it must have one"))
    } else {
        read(section, exports)
    };
    match read {
        Ok(about) => about,
        Err(reason) => {
            refusals.push(Refusal::Metadata { reason: crate::text::clean(&reason, 512) });
            SkillDocs::default()
        }
    }
}

fn read(section: &[u8], exports: &mut Exports) -> Result<SkillDocs, String> {
    if section.len() > SECTION_CAP {
        return Err(format!("too large: {} bytes; the cap is {SECTION_CAP}", section.len()));
    }
    let metadata: Metadata = serde_json::from_slice(section).map_err(|error| error.to_string())?;
    if let Some(text) = &metadata.description {
        check_text("description", text)?;
    }
    if let Some(text) = &metadata.skill_md {
        // As long as the section: a document, not a line.
        check_characters("skill-md", text)?;
    }
    for (what, line) in
        [("name", &metadata.name), ("version", &metadata.version), ("license", &metadata.license)]
    {
        line.as_deref().map_or(Ok(()), |line| check_line(what, line))?;
    }
    check_asks(&metadata.grants)?;
    for (name, texts) in metadata.types.0 {
        document_type(&name, texts, exports)?;
    }
    // Each is read as a value, which can be far larger than its text.
    let examples: usize = metadata.tools.0.values().map(|docs| docs.examples.len()).sum();
    if examples > EXAMPLES_CAP {
        return Err(format!("too many examples: {examples}; the cap is {EXAMPLES_CAP}"));
    }
    for (name, docs) in metadata.tools.0 {
        document_tool(&name, docs, &mut exports.tools, &exports.types)?;
    }
    let Metadata { name, version, license, description, grants, skill_md, .. } = metadata;
    Ok(SkillDocs { description, skill_md, manifest: Manifest { name, version, license, grants } })
}

fn document_tool(
    name: &str,
    docs: ToolDocs,
    tools: &mut [ToolDescription],
    types: &TypeTable,
) -> Result<(), String> {
    let Some(tool) = tools.iter_mut().find(|tool| *tool.name == *name || *tool.full_name == *name) else {
        return Err(format!("the documented tool `{name}` does not exist in the skill"));
    };
    if let Some(text) = &docs.description {
        check_text(&format!("description of `{name}`"), text)?;
    }
    if let Some(title) = docs.annotations.as_ref().and_then(|annotations| annotations.title.as_deref()) {
        check_text(&format!("title of `{name}`"), title)?;
    }
    for (param, text) in &docs.parameters.0 {
        if !tool.params.iter().any(|(known, _)| **known == **param) {
            return Err(format!("the documented parameter `{param}` does not exist in the tool `{name}`"));
        }
        check_text(&format!("text of parameter `{param}` of `{name}`"), text)?;
    }
    for example in &docs.examples {
        check_text(&format!("name of an example of `{name}`"), &example.name)?;
        // As it will be shown: JSON escapes what acts on a terminal, but not what only looks otherwise.
        check_characters(&format!("input of an example of `{name}`"), &example.input.to_string())?;
        // The section is capped, and with it what the host holds of an example.
        json::read_params_value(types, &tool.params, &example.input, SECTION_CAP as u64).map_err(
            |error| {
                let place =
                    if error.pointer.is_empty() { String::new() } else { format!(" at {}", error.pointer) };
                format!(
                    "the example `{}` is invalid input for `{name}`{place}: {}",
                    example.name, error.message
                )
            },
        )?;
    }
    if tool.docs.replace(docs).is_some() {
        return Err(format!("the tool `{name}` is documented under both of its names; keep one"));
    }
    Ok(())
}

fn document_type(name: &str, texts: TypeTexts, exports: &mut Exports) -> Result<(), String> {
    let by_full_name = |named: &&NamedType| named.full_name == name;
    let mut by_name = exports.named.iter().filter(|named| named.name == name);
    let ty = match (exports.named.iter().find(by_full_name), by_name.next(), by_name.next()) {
        (Some(named), _, _) | (None, Some(named), None) => named.ty,
        (None, Some(_), Some(_)) => {
            return Err(format!(
                "several interfaces have a type `{name}`; document it as `interface_{name}`"
            ));
        }
        (None, None, _) => {
            return Err(format!("the documented type `{name}` is not exported by the skill"));
        }
    };
    if let Some(text) = &texts.description {
        check_text(&format!("description of the type `{name}`"), text)?;
    }
    for (field, text) in &texts.fields.0 {
        if exports.types.position(ty, field).is_none() {
            return Err(format!(
                "the documented field or case `{field}` does not exist in the type `{name}`"
            ));
        }
        check_text(&format!("text of `{field}` of the type `{name}`"), text)?;
    }
    exports.types.document(ty, TypeDocs { description: texts.description, fields: texts.fields.0 });
    Ok(())
}

fn check_asks(asks: &Asks) -> Result<(), String> {
    for (what, list) in [("grants.http", &asks.http), ("grants.skills", &asks.skills)] {
        if list.len() > ASKS_CAP {
            return Err(format!("{what} has {} entries; the cap is {ASKS_CAP}", list.len()));
        }
        list.iter().try_for_each(|line| check_line(what, line))?;
    }
    Ok(())
}

/// A line without white space at its ends, and not empty.
fn check_line(what: &str, line: &str) -> Result<(), String> {
    if line.is_empty() || line.len() > LINE_CAP || line.trim() != line {
        return Err(format!(
            "invalid {what}; expected one line of 1 to {LINE_CAP} bytes, without surrounding spaces"
        ));
    }
    match line.chars().find(|c| crate::text::is_unsafe(*c)) {
        Some(c) => Err(format!("the {what} contains the forbidden character U+{:04X}", c as u32)),
        None => Ok(()),
    }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TEXT_CAP {
        return Err(format!("the {what} is too long: {} bytes; the cap is {TEXT_CAP}", text.len()));
    }
    check_characters(what, text)
}

fn check_characters(what: &str, text: &str) -> Result<(), String> {
    match text.chars().find(|c| *c != '\n' && *c != '\t' && crate::text::is_unsafe(*c)) {
        Some(c) => Err(format!("the {what} contains the forbidden character U+{:04X}", c as u32)),
        None => Ok(()),
    }
}
