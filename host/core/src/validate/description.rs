//! The description of a skill: tools, types, imports, counts. Plain data from validation alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::count::Counts;
use super::metadata::{SkillDocs, ToolDocs};
use crate::types::{TypeDef, TypeId, TypeTable};

/// A skill as its bytes describe it.
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

/// An interface or item that a skill imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Import {
    /// The name, with the version.
    pub name: String,
    /// What the host provides for it.
    pub access: Access,
}

/// What the host provides for an import.
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
    /// An empty interface: no file, no socket, no environment.
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

/// What a tool returns.
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
