//! MCP: the tools of the skills that a caller sees, and the SKILL.md files of their authors as skills of the extension.
//!
//! `message.rs` parses messages, `protocol.rs` dispatches them, and `tools.rs` lists and calls tools. `work.rs` has what
//! they hand to each other. `reply.rs` and `result.rs` write responses. `rest.rs` and `agent.rs` handle what goes through
//! the library `rmcp`. `stdio.rs`, with `eager.rs`, and `http/mcp.rs` are the transports.

mod agent;
pub(crate) mod eager;
mod id;
pub(crate) mod message;
pub(crate) mod out;
mod page;
pub(crate) mod protocol;
pub(crate) mod reply;
mod rest;
mod result;
mod scan;
pub(crate) mod stdio;
mod tools;
pub(crate) mod work;
