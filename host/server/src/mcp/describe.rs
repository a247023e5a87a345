//! A skill as agents see it. Names are made when the skill is loaded, schemas when its tools are first listed in a style;
//! after that a list is a walk through memory.

use std::sync::{Arc, OnceLock};

use ringfence::{Digest, SchemaStyle, SkillDescription, Tool};
use ringfence_store::Name;
use rmcp::model::{JsonObject, Tool as McpTool, ToolAnnotations};
use serde_json::{Value, json};

use super::reply::json;
use super::skill_md::SkillMd;

/// Longest name of a tool: what models' vendors take, half of what MCP does.
pub(super) const LONGEST: usize = 64;

/// A skill's tools and its SKILL.md, in the words of MCP.
#[derive(Debug)]
pub(crate) struct Described {
    named: Vec<NamedTool>,
    shape: Arc<Shape>,
    pub(super) skill_md: Option<SkillMd>,
}

/// What equal components have in common, under whatever names.
#[derive(Debug)]
struct Shape {
    /// And not the code: lists go on while that is unloaded.
    skill: SkillDescription,
    /// The tools as they are listed, by style, but for their names.
    listed: [OnceLock<Vec<DescribedTool>>; SchemaStyle::ALL.len()],
    /// Bytes of the schemas of all tools as JSON.
    size: u64,
}

/// A tool by its names.
#[derive(Debug)]
pub(super) struct NamedTool {
    /// As the library knows it.
    pub(super) tool: String,
    /// As agents call it.
    mcp_name: String,
    is_wrapped: bool,
}

impl NamedTool {
    /// Whether its value stands in an object, for revisions that take nothing else.
    pub(super) fn is_wrapped(&self) -> bool {
        self.is_wrapped
    }
}

/// A tool in a list.
#[derive(Debug)]
pub(super) struct DescribedTool {
    /// As JSON without its name, for the revisions from 2026-07-28 on: results may be any JSON.
    plain: Box<str>,
    /// For the revisions before, whose results are objects.
    wrapped: Option<Box<str>>,
    /// Bytes of it in a list.
    pub(super) size: usize,
    /// What its author claims of it, as JSON.
    annotations: Option<Box<str>>,
}

impl Described {
    pub(crate) fn new(name: &Name, skill: &SkillDescription) -> Self {
        let schemas = skill.tools().flat_map(|tool| [tool.parameters_schema(), tool.result_schema()]);
        let size = schemas.map(|schema| schema.to_string().len() as u64).fold(0, u64::saturating_add);
        let shape = Shape { skill: skill.clone(), listed: Default::default(), size };
        Self::of(name, skill, Arc::new(shape))
    }

    /// The same tools under another name of the skill; what describes them is shared.
    pub(crate) fn renamed(&self, name: &Name, skill: &SkillDescription) -> Self {
        Self::of(name, skill, Arc::clone(&self.shape))
    }

    fn of(name: &Name, skill: &SkillDescription, shape: Arc<Shape>) -> Self {
        let named = skill.tools().map(|tool| NamedTool {
            tool: tool.name().to_owned(),
            mcp_name: mcp_name(name, tool.name()),
            is_wrapped: !is_object(&tool.result_schema()),
        });
        let skill_md = skill.skill_md().and_then(|text| match SkillMd::new(name, text) {
            Ok(skill_md) => Some(skill_md),
            Err(reason) => {
                tracing::warn!(skill = %name, reason = reason.as_str(), "its SKILL.md is not shown");
                None
            }
        });
        Self { named: named.collect(), shape, skill_md }
    }

    /// Bytes of the schemas of all its tools as JSON.
    pub(crate) fn size(&self) -> u64 {
        self.shape.size
    }

    /// The names of its tools in MCP, in the order of its tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|tool| &*tool.mcp_name)
    }

    /// The tools as they are listed in a style, each with its name.
    pub(super) fn tools(&self, style: SchemaStyle) -> impl Iterator<Item = (&DescribedTool, &str)> {
        let at = SchemaStyle::ALL.iter().position(|known| *known == style);
        let listed = at.and_then(|at| self.shape.listed.get(at));
        let listed = listed.map(|listed| {
            listed.get_or_init(|| {
                let tools = self.shape.skill.tools().zip(self.names());
                tools.map(|(tool, name)| DescribedTool::new(name, &tool, style)).collect()
            })
        });
        listed.into_iter().flatten().zip(self.names())
    }

    /// The tool that has a name in the library.
    pub(super) fn by_library_name(&self, name: &str) -> Option<&NamedTool> {
        self.named.iter().find(|tool| tool.tool == name)
    }

    /// The tool that has a name in MCP.
    pub(super) fn tool(&self, name: &str) -> Option<&NamedTool> {
        self.named.iter().find(|tool| tool.mcp_name == name)
    }
}

impl DescribedTool {
    fn new(name: &str, tool: &Tool<'_>, style: SchemaStyle) -> Self {
        let result = tool.result_schema_as(style);
        let wrapped = wrap(&result, style);
        let make = |output: Value| {
            let description = match tool.description() {
                Some(description) => description.to_owned(),
                None => tool.signature(),
            };
            McpTool::new(name.to_owned(), description, object(tool.parameters_schema_as(style)))
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
        let (plain, wrapped) = (nameless(&make(result)), wrapped.map(make).as_ref().map(nameless));
        let annotations: Option<Box<str>> =
            annotations.and_then(|claimed| serde_json::to_string(&claimed).ok()).map(String::into_boxed_str);
        let claimed = annotations.as_ref().map_or(0, |claimed| claimed.len());
        let text = wrapped.as_ref().unwrap_or(&plain).len();
        let size = text.saturating_add(claimed).saturating_add(LONGEST);
        Self { plain, wrapped, size, annotations }
    }

    /// Appends the tool for a caller of a revision; `accepted` says whether what its author claims may be shown.
    pub(super) fn show(&self, out: &mut Vec<u8>, name: &str, objects_only: bool, accepted: bool) {
        let tool = self.wrapped.as_ref().filter(|_| objects_only).unwrap_or(&self.plain);
        out.extend_from_slice(b"{\"name\":");
        json(out, name);
        if let Some(annotations) = self.annotations.as_ref().filter(|_| accepted) {
            out.extend_from_slice(b",\"annotations\":");
            out.extend_from_slice(annotations.as_bytes());
        }
        out.push(b',');
        out.extend_from_slice(tool.strip_prefix('{').unwrap_or(tool).as_bytes());
    }
}

/// A tool as JSON, without its name, which is written in its place.
fn nameless(tool: &McpTool) -> Box<str> {
    let mut tool = serde_json::to_value(tool).unwrap_or_default();
    if let Some(members) = tool.as_object_mut() {
        members.shift_remove("name");
    }
    tool.to_string().into_boxed_str()
}

/// `skill_tool`. No skill's name has a `_`, so the two can be told apart. One that is too long ends in the beginning of
/// its digest.
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

fn is_object(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

/// A schema of an object that holds the value as `result`, unless it is one of an object already.
fn wrap(schema: &Value, style: SchemaStyle) -> Option<Value> {
    if is_object(schema) {
        return None;
    }
    let mut inner = schema.clone();
    let mut outer = json!({"type": "object", "properties": {}, "required": ["result"]});
    if let (SchemaStyle::Exact, Some(outer)) = (style, outer.as_object_mut()) {
        outer.insert("additionalProperties".to_owned(), false.into());
    }
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
