//! The description of a skill: tools, types, imports, counts. Plain data from validation alone.

use std::sync::Arc;

use ringfence_section::{Asks, ToolDocs};
use serde::{Deserialize, Serialize};

use crate::types::{TypeDef, TypeId, TypeTable};

/// A description of a skill, from its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    pub(crate) tools: Vec<ToolDescription>,
    pub(crate) types: TypeTable,
    pub(crate) imports: Vec<Import>,
    pub(crate) counts: Counts,
    pub(crate) docs: SkillDocs,
}

impl Description {
    /// Returns whether all types of the tools exist, and each result is of its stated kind.
    pub(crate) fn is_sound(&self) -> bool {
        self.tools.iter().all(|tool| {
            let result = match tool.result {
                ToolResult::Nothing => true,
                ToolResult::Value(ty) => self.types.has(ty),
                // Its parts are in the table if it is.
                ToolResult::Fallible { whole, ok, err } => {
                    self.types.has(whole) && *self.types.get(whole) == TypeDef::Result(ok, err)
                }
            };
            result && tool.params.iter().all(|(_, ty)| self.types.has(*ty))
        })
    }
}

/// Counts of a skill's run before its first instruction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) instances: u64,
    /// Instances of nested components.
    pub(crate) components: u64,
    pub(crate) memories: u64,
    pub(crate) tables: u64,
    /// Bytes of all memories at the start.
    pub(crate) memory: u64,
    /// Elements of all tables at the start.
    pub(crate) table_elements: u64,
    /// Maximum bytes of the engine's records: functions, globals, imports.
    pub(crate) records: u64,
    /// Whether nested components pass values in memory to one another. The engine copies and re-encodes texts between
    /// them without fuel, so such a skill yields far more often: see `run`.
    pub(crate) hands_over: bool,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.components = self.components.saturating_add(other.components);
        self.memories = self.memories.saturating_add(other.memories);
        self.tables = self.tables.saturating_add(other.tables);
        self.memory = self.memory.saturating_add(other.memory);
        self.table_elements = self.table_elements.saturating_add(other.table_elements);
        self.records = self.records.saturating_add(other.records);
        self.hands_over |= other.hands_over;
    }

    /// Adds the records of `count` items. The engine keeps at most 48 bytes for each.
    pub(crate) fn record(&mut self, count: u32) {
        self.records = self.records.saturating_add(u64::from(count).saturating_mul(48));
    }
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
/// These are untrusted claims. The store has its own name and version, and a request grants nothing.
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

/// An interface or item that a skill imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Import {
    /// The name, with the version.
    pub name: String,
    /// What the host provides for it.
    pub access: Access,
}

/// The host's offer for an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Access {
    /// A working interface for every skill.
    Always,
    /// A capability: each call returns `denied`, or nothing, unless the operator grants it.
    ByGrant,
    /// An interface whose every call returns an error or traps.
    Denied,
    /// An empty interface: no file, no socket, no environment. A skill that requests scratch files has
    /// [`Access::ByGrant`] for `wasi:filesystem` instead.
    Empty,
    /// Nothing, because the import only names plain types.
    TypesOnly,
}

/// An exported function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ToolDescription {
    /// The shortest name that is unique in the skill.
    pub(crate) name: Arc<str>,
    /// `interface_function`; the same as `name` for a bare function.
    pub(crate) full_name: Arc<str>,
    pub(crate) interface: Option<Arc<str>>,
    pub(crate) function: Arc<str>,
    pub(crate) params: Vec<(Arc<str>, TypeId)>,
    pub(crate) result: ToolResult,
    pub(crate) docs: Option<ToolDocs>,
}

/// The result of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToolResult {
    Nothing,
    Value(TypeId),
    /// A top-level `result`: the tool's own success or failure.
    Fallible {
        whole: TypeId,
        ok: Option<TypeId>,
        err: Option<TypeId>,
    },
}

impl ToolResult {
    /// The type of the result as the signature has it.
    pub(crate) fn whole(self) -> Option<TypeId> {
        match self {
            Self::Nothing => None,
            Self::Value(ty) | Self::Fallible { whole: ty, .. } => Some(ty),
        }
    }
}
