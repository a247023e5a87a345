//! MCP: the tools of the skills that a caller sees, and the SKILL.md files of their authors as skills of the extension.
//!
//! `message.rs` parses messages, `protocol.rs` dispatches them, and `tools.rs` lists and calls tools. `reply.rs` and
//! `result.rs` write responses. `rest.rs` and `agent.rs` handle what goes through the library `rmcp`. `stdio.rs`, with `eager.rs`, and
//! `http/mcp.rs` are the transports.

mod agent;
mod describe;
pub(crate) mod eager;
mod id;
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
