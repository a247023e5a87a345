//! MCP: the skills that a caller sees, as tools; what their authors wrote for agents, as skills of the extension.

mod agent;
mod describe;
mod result;
mod skill_md;

pub(crate) use agent::Agent;
pub(crate) use describe::Described;
