//! A tool as JSON, with the same members in every program that lists tools.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::skill::Tool;
use crate::style::SchemaStyle;

/// The members in the JSON of a tool. Each level has those of the level before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ToolDetail {
    /// `name`, `description`, `parameters`, `result` and `failure`: the tools of a bundle's manifest.
    Contract,
    /// Also `full_name` and `signature`: the lists of servers and workers.
    Call,
    /// Also `interface`, `annotations` and `examples`: `ringfence inspect --json`.
    Full,
}

/// A tool on its way to JSON; see [`Tool::shown`].
#[derive(Debug, Clone, Copy)]
pub struct ShownTool<'a> {
    tool: Tool<'a>,
    detail: ToolDetail,
    style: SchemaStyle,
}

impl<'a> Tool<'a> {
    /// Returns the tool for serialisation, with the members of `detail` and schemas in `style`.
    ///
    /// `interface`, `description`, `failure` and `annotations` are null if the tool has none.
    pub fn shown(self, detail: ToolDetail, style: SchemaStyle) -> ShownTool<'a> {
        ShownTool { tool: self, detail, style }
    }
}

/// Serialises every member ([`ToolDetail::Full`]), with schemas in [`SchemaStyle::Exact`].
impl Serialize for Tool<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown(ToolDetail::Full, SchemaStyle::Exact).serialize(serializer)
    }
}

impl Serialize for ShownTool<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { tool, detail, style } = *self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("name", tool.name())?;
        if detail >= ToolDetail::Call {
            members.serialize_entry("full_name", tool.full_name())?;
        }
        if detail >= ToolDetail::Full {
            members.serialize_entry("interface", &tool.interface())?;
        }
        if detail >= ToolDetail::Call {
            members.serialize_entry("signature", &tool.signature())?;
        }
        members.serialize_entry("description", &tool.description())?;
        members.serialize_entry("parameters", &tool.parameters_schema_as(style))?;
        members.serialize_entry("result", &tool.result_schema_as(style))?;
        members.serialize_entry("failure", &tool.failure_schema_as(style))?;
        if detail >= ToolDetail::Full {
            members.serialize_entry("annotations", &tool.annotations())?;
            members.serialize_entry("examples", tool.examples())?;
        }
        members.end()
    }
}
