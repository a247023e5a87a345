//! Finds what breaks for the callers of a skill when another component replaces it.
//!
//! The relation is on JSON, because callers write JSON. For every pair of types it decides: does `to` accept all
//! JSON that `from` accepts, with the same meaning? For a parameter `from` is the old type and `to` the new one. For a
//! result it is the reverse. A type accepts what it writes, so a new result that fits writes nothing that the old,
//! closed schema refuses.
//!
//! A missed break is a bug. A false one is allowed where the meaning is in doubt or the case is rare: bytes for a
//! string, integers for floats that cannot represent them all, flags for a list, a variant for a record or `result`
//! with the same JSON, an enum of single letters for a char, a function that moves into an interface. Limits are not
//! compared: a value can take more memory as its new type.

mod relation;

use std::collections::{HashMap, HashSet};
use std::fmt;

use relation::Relation;

use crate::description::{Description, ToolDescription, ToolResult};
use crate::text::clean;
use crate::types::{TypeId, TypeTable};
use crate::validate::ValidatedSkill;

/// Maximum number of listed changes.
const LISTED: usize = 50;

/// Longest text of a type or place.
const TEXT_BYTES: usize = 240;

/// Longest name of a tool, parameter, member or case.
const NAME_BYTES: usize = 128;

/// A difference that breaks callers of the old skill.
///
/// Types are in WIT, written out and cut. A place is `parameter text /a/*/b`, `result /a` or
/// `failure`. The path has members, cases and positions, with `*` for the items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakingChange {
    /// No tool has the old tool's full name.
    ToolRemoved {
        /// The full name.
        tool: String,
    },
    /// A tool remains without its short name.
    NameRemoved {
        /// The full name.
        tool: String,
        /// The removed name.
        name: String,
    },
    /// A name calls another function.
    NameMoved {
        /// Full name of the old tool.
        tool: String,
        /// The name.
        name: String,
        /// Full name of the new tool.
        now: String,
    },
    /// A parameter is gone: calls that pass it are refused.
    ParameterRemoved {
        /// The tool's full name.
        tool: String,
        /// The parameter.
        parameter: String,
        /// Its type.
        old: String,
    },
    /// A new parameter is required.
    ParameterRequired {
        /// The tool's full name.
        tool: String,
        /// The parameter.
        parameter: String,
        /// Its type.
        new: String,
    },
    /// A parameter no longer accepts all old values, or gives them another meaning.
    ParameterType {
        /// The tool's full name.
        tool: String,
        /// Where in the parameter.
        place: String,
        /// The old type.
        old: String,
        /// The new type.
        new: String,
    },
    /// The value of a completed run can be one that the old schema refuses.
    ResultType {
        /// The tool's full name.
        tool: String,
        /// Where in the result.
        place: String,
        /// The old type.
        old: String,
        /// The new type.
        new: String,
    },
    /// The value of a failed run can be one that the old schema refuses.
    FailureType {
        /// The tool's full name.
        tool: String,
        /// Where in the failure.
        place: String,
        /// The old type.
        old: String,
        /// The new type.
        new: String,
    },
    /// A tool that could not fail now can.
    CanFail {
        /// The tool's full name.
        tool: String,
        /// The type of its failure.
        new: String,
    },
    /// More changes than the list has; always the last entry.
    More {
        /// Number of further changes. Places in one parameter or result that follow the last listed one count
        /// as one.
        count: u64,
    },
}

impl BreakingChange {
    /// Returns the stable code of this kind of change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ToolRemoved { .. } => "tool-removed",
            Self::NameRemoved { .. } => "name-removed",
            Self::NameMoved { .. } => "name-moved",
            Self::ParameterRemoved { .. } => "parameter-removed",
            Self::ParameterRequired { .. } => "parameter-required",
            Self::ParameterType { .. } => "parameter-type",
            Self::ResultType { .. } => "result-type",
            Self::FailureType { .. } => "failure-type",
            Self::CanFail { .. } => "can-fail",
            Self::More { .. } => "more",
        }
    }
}

impl fmt::Display for BreakingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToolRemoved { tool } => write!(f, "tool `{tool}` was removed"),
            Self::NameRemoved { tool, name } => {
                write!(f, "tool `{tool}` no longer has the name `{name}`")
            }
            Self::NameMoved { tool, name, now } => {
                write!(f, "the name `{name}` now calls tool `{now}` instead of `{tool}`")
            }
            Self::ParameterRemoved { tool, parameter, old } => {
                write!(f, "tool `{tool}` no longer has the parameter `{parameter}` (`{old}`)")
            }
            Self::ParameterRequired { tool, parameter, new } => {
                write!(f, "tool `{tool}` now requires the parameter `{parameter}` (`{new}`)")
            }
            Self::ParameterType { tool, place, old, new } => {
                write!(f, "tool `{tool}`, {place}: `{new}` rejects some values that `{old}` accepts")
            }
            Self::ResultType { tool, place, old, new } | Self::FailureType { tool, place, old, new } => {
                write!(f, "tool `{tool}`, {place}: `{new}` has values that `{old}` does not")
            }
            Self::CanFail { tool, new } => write!(f, "tool `{tool}` can now fail (`{new}`)"),
            Self::More { count } => write!(f, "and {count} more"),
        }
    }
}

impl ValidatedSkill {
    /// Lists what breaks for callers of `old` that call this skill instead, with JSON.
    ///
    /// The list is empty if this skill can replace the old one. It has at most 50 changes, then their number. Tools
    /// match by name, as for callers; names of types do not matter. Documentation, imports and the behaviour of tools
    /// do not count. Callers with component values or Rust types need equal signatures, which is more.
    pub fn breaking_changes_since(&self, old: &Self) -> Vec<BreakingChange> {
        breaking(&old.description, &self.description)
    }
}

/// What breaks for callers of `old` when `new` takes its place.
pub(crate) fn breaking(old: &Description, new: &Description) -> Vec<BreakingChange> {
    let names = Names::of(&new.tools);
    let mut changes = Changes::default();
    let mut inward = Relation::new(&old.types, &new.types);
    let mut outward = Relation::new(&new.types, &old.types);
    for tool in &old.tools {
        if let Some(now) = names.find(tool, &mut changes) {
            parameters(tool, now, &mut inward, &mut changes);
            results(tool, now, &mut outward, &mut changes);
        }
    }
    changes.finish()
}

#[derive(Default)]
struct Changes {
    listed: Vec<BreakingChange>,
    more: u64,
}

impl Changes {
    fn full(&self) -> bool {
        self.listed.len() >= LISTED
    }

    /// The texts of a change are only made when it is listed.
    fn add(&mut self, change: impl FnOnce() -> BreakingChange) {
        if self.full() {
            self.more = self.more.saturating_add(1);
        } else {
            self.listed.push(change());
        }
    }

    fn finish(mut self) -> Vec<BreakingChange> {
        if self.more > 0 {
            self.listed.push(BreakingChange::More { count: self.more });
        }
        self.listed
    }
}

/// The tools of the new skill by every name that calls them.
struct Names<'a>(HashMap<&'a str, &'a ToolDescription>);

impl<'a> Names<'a> {
    fn of(tools: &'a [ToolDescription]) -> Self {
        let names = tools.iter().flat_map(|tool| [(&*tool.name, tool), (&*tool.full_name, tool)]);
        Self(names.collect())
    }

    /// The tool of the same full name, and what became of the names of the old one.
    fn find(&self, old: &ToolDescription, changes: &mut Changes) -> Option<&'a ToolDescription> {
        let tool = || clean(&old.full_name, NAME_BYTES);
        let mut moved = |name: &str, now: &ToolDescription| {
            let (name, now) = (clean(name, NAME_BYTES), clean(&now.full_name, NAME_BYTES));
            changes.add(|| BreakingChange::NameMoved { tool: tool(), name, now });
        };
        let same = |now: &ToolDescription| now.full_name == old.full_name;
        let by_full_name = self.0.get(&*old.full_name).copied();
        let by_name = self.0.get(&*old.name).copied();
        let found = match by_full_name {
            Some(now) if same(now) => Some(now),
            Some(now) => {
                moved(&old.full_name, now);
                None
            }
            None => None,
        };
        if old.name != old.full_name
            && let Some(now) = by_name.filter(|now| !same(now))
        {
            moved(&old.name, now);
        }
        if by_full_name.is_none() {
            changes.add(|| BreakingChange::ToolRemoved { tool: tool() });
        } else if by_name.is_none() {
            let name = clean(&old.name, NAME_BYTES);
            changes.add(|| BreakingChange::NameRemoved { tool: tool(), name });
        }
        found
    }
}

/// Every input that the old tool took must be one for the new tool.
fn parameters(
    old: &ToolDescription,
    new: &ToolDescription,
    relation: &mut Relation<'_>,
    changes: &mut Changes,
) {
    let tool = || clean(&old.full_name, NAME_BYTES);
    let (from, to) = (relation.from, relation.to);
    let known: HashMap<&str, TypeId> = new.params.iter().map(|(name, ty)| (&**name, *ty)).collect();
    for (name, ty) in &old.params {
        let parameter = clean(name, NAME_BYTES);
        let Some(now) = known.get(&**name) else {
            changes.add(|| {
                let old = from.text(*ty, TEXT_BYTES);
                BreakingChange::ParameterRemoved { tool: tool(), parameter, old }
            });
            continue;
        };
        let root = format!("parameter {parameter}");
        relation.explain(*ty, *now, &root, changes, |place, old, new| BreakingChange::ParameterType {
            tool: tool(),
            place,
            old,
            new,
        });
    }
    let given: HashSet<&str> = old.params.iter().map(|(name, _)| &**name).collect();
    for (name, ty) in &new.params {
        if !given.contains(&**name) && !to.nullable(*ty) {
            changes.add(|| {
                let (parameter, new) = (clean(name, NAME_BYTES), to.text(*ty, TEXT_BYTES));
                BreakingChange::ParameterRequired { tool: tool(), parameter, new }
            });
        }
    }
}

/// Every outcome of the new tool must be one that the old tool could have given.
fn results(old: &ToolDescription, new: &ToolDescription, relation: &mut Relation<'_>, changes: &mut Changes) {
    let tool = || clean(&old.full_name, NAME_BYTES);
    let ((old_value, old_failure), (new_value, new_failure)) = (outcome(old.result), outcome(new.result));
    relation.explain_value(new_value, old_value, "result", changes, |place, new, old| {
        BreakingChange::ResultType { tool: tool(), place, old, new }
    });
    match (old_failure, new_failure) {
        (Some(old), Some(new)) => {
            relation.explain_value(new, old, "failure", changes, |place, new, old| {
                BreakingChange::FailureType { tool: tool(), place, old, new }
            });
        }
        (None, Some(new)) => {
            let new = written(relation.from, new);
            changes.add(|| BreakingChange::CanFail { tool: tool(), new });
        }
        // A failure that no longer comes is missed by nobody.
        (Some(_), None) | (None, None) => {}
    }
}

/// The value of a completed run, and of a failed run if there is such a thing; no type is written `null`.
fn outcome(result: ToolResult) -> (Option<TypeId>, Option<Option<TypeId>>) {
    match result {
        ToolResult::Nothing => (None, None),
        ToolResult::Value(ty) => (Some(ty), None),
        ToolResult::Fallible { ok, err, .. } => (ok, Some(err)),
    }
}

fn written(types: &TypeTable, ty: Option<TypeId>) -> String {
    ty.map_or_else(|| "nothing".to_owned(), |ty| types.text(ty, TEXT_BYTES))
}
