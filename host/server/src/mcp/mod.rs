//! MCP: the skills that a caller sees, as tools; what their authors wrote for agents, as skills of the extension.
//!
//! `message.rs` reads a message, `protocol.rs` says what it comes to, `tools.rs` lists and calls, `reply.rs` and
//! `result.rs` write answers; `rest.rs` and `agent.rs` are what goes through the protocol's library. `stdio.rs` and
//! `http/mcp.rs` carry messages.

mod agent;
mod describe;
pub(crate) mod message;
pub(crate) mod protocol;
pub(crate) mod reply;
mod rest;
mod result;
mod scan;
mod skill_md;
pub(crate) mod stdio;
pub(crate) mod tools;

pub(crate) use describe::Described;
