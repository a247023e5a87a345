//! The section `ringfence:skill`: an author's texts and claims, checked against the real tools and types.
//!
//! A component carries no WIT comments, so they come in a custom section at the top level of the file, as JSON;
//! `wit/README.md` has its form. It is untrusted text: at most 64 KiB, without control characters other than line
//! breaks. Every name in it must exist, and example inputs must fit their tools. A wrong section refuses the skill.

use ringfence_section::{Asks, CAP, Section, ToolDocs, TypeDocs as TypeTexts};

use super::exports::{Exports, NamedType};
use super::refusals::Refusals;
use crate::description::{Manifest, SkillDocs, ToolDescription};
use crate::error::Refusal;
use crate::json;
use crate::types::{TypeDocs, TypeTable};

const TEXT_CAP: usize = 4096;

/// Longest name, version or licence, in bytes.
const LINE_CAP: usize = 256;

/// Maximum number of hosts, and of tools, that a skill can request.
const ASKS_CAP: usize = 64;

/// Maximum number of examples of all tools together.
const EXAMPLES_CAP: usize = 256;

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
    if section.len() > CAP {
        return Err(format!("too large: {} bytes; the cap is {CAP}", section.len()));
    }
    let metadata = Section::from_bytes(section).map_err(|error| error.to_string())?;
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
    let Section { name, version, license, description, grants, skill_md, .. } = metadata;
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
        json::read_params_value(types, &tool.params, &example.input, CAP as u64).map_err(|error| {
            let place =
                if error.pointer.is_empty() { String::new() } else { format!(" at {}", error.pointer) };
            format!("the example `{}` is invalid input for `{name}`{place}: {}", example.name, error.message)
        })?;
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
