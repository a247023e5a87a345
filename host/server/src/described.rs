//! Descriptions of skills for agents. Names are built when a skill loads, and schemas when its tools are first listed
//! in a style. Later lists only read memory. Building takes milliseconds for a large skill, so a request thread never
//! does it: see `App::build`.

mod skill_md;

pub(crate) use skill_md::SkillMd;

use std::sync::{Arc, OnceLock};

use ringfence::{Digest, SchemaStyle, SkillDescription, Tool};
use ringfence_store::Name;
use rmcp::model::{JsonObject, Tool as McpTool, ToolAnnotations};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::json;

/// Maximum bytes of a tool's name: the limit of model vendors, which is half of MCP's.
pub(crate) const LONGEST: usize = 64;

/// The tools of a skill and its SKILL.md, in the terms of MCP.
#[derive(Debug)]
pub(crate) struct Described {
    named: Vec<NamedTool>,
    shape: Arc<Shape>,
    /// The tools in the HTTP API's terms, by style of their schemas.
    shown: [OnceLock<Arc<RawValue>>; SchemaStyle::ALL.len()],
    pub(crate) skill_md: Option<SkillMd>,
}

/// The part that equal components share under all names.
#[derive(Debug)]
struct Shape {
    /// The description without the code, so lists do not need loaded code.
    skill: SkillDescription,
    /// The listed tools by style, without their names.
    listed: [OnceLock<Vec<DescribedTool>>; SchemaStyle::ALL.len()],
    /// Bytes of all schemas as JSON.
    size: u64,
}

/// The names of a tool.
#[derive(Debug)]
pub(crate) struct NamedTool {
    /// The name in the library.
    pub(crate) tool: String,
    /// The name in MCP.
    mcp_name: String,
    is_wrapped: bool,
}

impl NamedTool {
    /// Returns whether its value is wrapped in an object, for revisions that require one.
    pub(crate) fn is_wrapped(&self) -> bool {
        self.is_wrapped
    }
}

/// A tool in a list.
#[derive(Debug)]
pub(crate) struct DescribedTool {
    /// JSON without the name, for revisions from 2026-07-28 on, whose results can be any JSON.
    plain: Box<str>,
    /// JSON without the name, for earlier revisions, whose results are objects.
    wrapped: Option<Box<str>>,
    /// Bytes in a list.
    pub(crate) size: usize,
    /// The author's claims, as JSON.
    annotations: Option<Box<str>>,
}

impl Described {
    pub(crate) fn new(name: &Name, skill: &SkillDescription) -> Self {
        let schemas = skill.tools().flat_map(|tool| [tool.parameters_schema(), tool.result_schema()]);
        let size = schemas.map(|schema| schema.to_string().len() as u64).fold(0, u64::saturating_add);
        let shape = Shape { skill: skill.clone(), listed: Default::default(), size };
        Self::of(name, skill, Arc::new(shape))
    }

    /// Returns the description under another name of the skill, and shares its content.
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
        Self { named: named.collect(), shape, shown: Default::default(), skill_md }
    }

    /// Returns the tools as the HTTP API shows them, if they were made in this style.
    pub(crate) fn shown(&self, style: SchemaStyle) -> Option<Arc<RawValue>> {
        self.shown_in(style)?.get().map(Arc::clone)
    }

    /// Makes the tools as the HTTP API shows them, unless they are there in this style.
    pub(crate) fn make_shown(&self, style: SchemaStyle, make: impl FnOnce() -> Box<RawValue>) {
        if let Some(place) = self.shown_in(style) {
            place.get_or_init(|| make().into());
        }
    }

    fn shown_in(&self, style: SchemaStyle) -> Option<&OnceLock<Arc<RawValue>>> {
        let at = SchemaStyle::ALL.iter().position(|known| *known == style)?;
        self.shown.get(at)
    }

    /// Returns the bytes of all schemas as JSON.
    pub(crate) fn size(&self) -> u64 {
        self.shape.size
    }

    /// Returns the names of the tools in MCP, in the order of the tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|tool| &*tool.mcp_name)
    }

    /// Returns the listed tools in a style, each with its name; none if they were not made in this style.
    pub(crate) fn tools(&self, style: SchemaStyle) -> Option<impl Iterator<Item = (&DescribedTool, &str)>> {
        Some(self.listed_in(style)?.get()?.iter().zip(self.names()))
    }

    /// Makes the listed tools, unless they are there in this style. Calls `made` if it makes them.
    pub(crate) fn make_tools(&self, style: SchemaStyle, made: impl FnOnce()) {
        if let Some(place) = self.listed_in(style) {
            place.get_or_init(|| {
                made();
                let tools = self.shape.skill.tools().zip(self.names());
                tools.map(|(tool, name)| DescribedTool::new(name, &tool, style)).collect()
            });
        }
    }

    fn listed_in(&self, style: SchemaStyle) -> Option<&OnceLock<Vec<DescribedTool>>> {
        let at = SchemaStyle::ALL.iter().position(|known| *known == style)?;
        self.shape.listed.get(at)
    }

    /// Returns the tool with this name in the library.
    pub(crate) fn by_library_name(&self, name: &str) -> Option<&NamedTool> {
        self.named.iter().find(|tool| tool.tool == name)
    }

    /// Returns the tool with this name in MCP.
    pub(crate) fn tool(&self, name: &str) -> Option<&NamedTool> {
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

    /// Appends the tool as JSON. `accepted` says whether to show the author's claims; `meta` is the JSON of `_meta`.
    pub(crate) fn show(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        objects_only: bool,
        accepted: bool,
        meta: Option<&str>,
    ) {
        let tool = self.wrapped.as_ref().filter(|_| objects_only).unwrap_or(&self.plain);
        out.extend_from_slice(b"{\"name\":");
        json(out, name);
        if let Some(annotations) = self.annotations.as_ref().filter(|_| accepted) {
            out.extend_from_slice(b",\"annotations\":");
            out.extend_from_slice(annotations.as_bytes());
        }
        if let Some(meta) = meta {
            out.extend_from_slice(b",\"_meta\":");
            out.extend_from_slice(meta.as_bytes());
        }
        out.push(b',');
        out.extend_from_slice(tool.strip_prefix('{').unwrap_or(tool).as_bytes());
    }
}

/// Returns a tool as JSON without its name, which is added when it is listed.
fn nameless(tool: &McpTool) -> Box<str> {
    let mut tool = serde_json::to_value(tool).unwrap_or_default();
    if let Some(members) = tool.as_object_mut() {
        members.shift_remove("name");
    }
    tool.to_string().into_boxed_str()
}

/// Returns the name in MCP, `skill_tool`. Skill names have no `_`, so the name is unambiguous.
///
/// A name that is too long ends in the start of its digest.
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

/// Returns the schema of an object with the value as `result`; none if the value already is an object.
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
