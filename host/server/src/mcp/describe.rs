//! A skill as agents see it: made once, when the skill is loaded, so that a list is a walk through memory.

use std::sync::Arc;

use ringfence::{Digest, Skill, Tool};
use ringfence_store::Name;
use rmcp::model::{JsonObject, Tool as McpTool, ToolAnnotations};
use serde_json::{Value, json};

use super::skill_md::SkillMd;

/// Longest name of a tool in MCP.
const LONGEST: usize = 128;

/// A skill's tools and its SKILL.md, in the words of MCP.
#[derive(Debug)]
pub(crate) struct Described {
    tools: Vec<DescribedTool>,
    pub(super) skill_md: Option<SkillMd>,
}

/// A tool.
#[derive(Debug)]
pub(super) struct DescribedTool {
    /// As the library knows it.
    pub(super) tool: String,
    /// For the revisions from 2026-07-28 on: results may be any JSON.
    plain: McpTool,
    /// For the revisions before, whose results are objects.
    wrapped: Option<McpTool>,
    /// Bytes of it in a list.
    pub(super) size: usize,
    /// What its author claims of it.
    annotations: Option<ToolAnnotations>,
}

impl Described {
    pub(crate) fn new(name: &Name, skill: &Skill) -> Self {
        let tools = skill.tools().map(|tool| DescribedTool::new(name, &tool)).collect();
        let skill_md = skill.skill_md().and_then(|text| match SkillMd::new(name, text) {
            Ok(skill_md) => Some(skill_md),
            Err(reason) => {
                tracing::warn!(skill = %name, reason = reason.as_str(), "its SKILL.md is not shown");
                None
            }
        });
        Self { tools, skill_md }
    }

    /// The names of its tools in MCP, in the order of its tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| &*tool.plain.name)
    }

    pub(super) fn tools(&self) -> &[DescribedTool] {
        &self.tools
    }

    /// The tool that has a name in the library.
    pub(super) fn by_library_name(&self, name: &str) -> Option<&DescribedTool> {
        self.tools.iter().find(|tool| tool.tool == name)
    }

    /// The tool that has a name in MCP.
    pub(super) fn tool(&self, name: &str) -> Option<&DescribedTool> {
        self.tools.iter().find(|tool| tool.plain.name == name)
    }
}

impl DescribedTool {
    fn new(skill: &Name, tool: &Tool<'_>) -> Self {
        let result = tool.result_schema();
        let wrapped = wrap(&result);
        let make = |output: Value| {
            let description = match tool.description() {
                Some(description) => description.to_owned(),
                None => tool.signature(),
            };
            McpTool::new(mcp_name(skill, tool.name()), description, object(tool.parameters_schema()))
                .with_raw_output_schema(object(output))
        };
        let annotations = tool.annotations().map(|claimed| {
            ToolAnnotations::from_raw(
                claimed.title.clone(),
                claimed.read_only,
                claimed.destructive,
                claimed.idempotent,
                claimed.open_world,
            )
        });
        let (plain, wrapped) = (make(result), wrapped.map(make));
        let size = serde_json::to_string(wrapped.as_ref().unwrap_or(&plain)).map_or(0, |text| text.len());
        Self { tool: tool.name().to_owned(), plain, wrapped, size, annotations }
    }

    /// The tool for a caller of a revision; `accepted` says whether what its author claims may be shown.
    pub(super) fn shown(&self, objects_only: bool, accepted: bool) -> McpTool {
        let tool = self.wrapped.as_ref().filter(|_| objects_only).unwrap_or(&self.plain).clone();
        match &self.annotations {
            Some(annotations) if accepted => tool.with_annotations(annotations.clone()),
            _ => tool,
        }
    }

    /// Whether its value stands in an object, for revisions that take nothing else.
    pub(super) fn is_wrapped(&self) -> bool {
        self.wrapped.is_some()
    }
}

/// `skill_tool`. No skill's name has a `_`, so the two can be told apart. One that is too long for the protocol ends
/// in the beginning of its digest.
fn mcp_name(skill: &Name, tool: &str) -> String {
    let name = format!("{skill}_{tool}");
    if name.len() <= LONGEST {
        return name;
    }
    let digest = Digest::of(name.as_bytes()).to_string();
    let tail: String = digest.trim_start_matches("sha256:").chars().take(16).collect();
    // The names of tools are ASCII.
    let head: String = name.chars().take(LONGEST.saturating_sub(17)).collect();
    format!("{head}-{tail}")
}

fn object(schema: Value) -> Arc<JsonObject> {
    Arc::new(match schema {
        Value::Object(members) => members,
        _ => JsonObject::new(),
    })
}

/// A schema of an object that holds the value as `result`, unless it is one of an object already.
fn wrap(schema: &Value) -> Option<Value> {
    if schema.get("type").and_then(Value::as_str) == Some("object") {
        return None;
    }
    let mut inner = schema.clone();
    let mut outer =
        json!({"type": "object", "properties": {}, "required": ["result"], "additionalProperties": false});
    if let (Some(inner), Some(outer)) = (inner.as_object_mut(), outer.as_object_mut()) {
        // References go from the root, so what they name stays there.
        for key in ["$schema", "$defs"] {
            if let Some(value) = inner.remove(key) {
                outer.insert(key.to_owned(), value);
            }
        }
    }
    if let Some(properties) = outer.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("result".to_owned(), inner);
    }
    Some(outer)
}
