//! What is known of a skill without running it: tools, types, imports, counts. Plain data.

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
    /// Whether all types that the tools name are there, and each result is what it is said to be.
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
    /// Its name, with the version.
    pub name: String,
    /// What stands behind it.
    pub lending: Lending,
}

/// What stands behind an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Lending {
    /// It works.
    Lent,
    /// It is linked, and every call is refused with an error or a trap.
    Denied,
    /// It is there and empty: no file, no socket, no environment.
    Empty,
    /// It only names plain types, so nothing needs to stand behind it.
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

/// What a tool gives.
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
