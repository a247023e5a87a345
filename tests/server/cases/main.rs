//! The server from outside: real sockets, every refusal by its code, and nothing that one caller can do to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod admission;
mod answers;
mod bodies;
mod calls;
mod catalog;
mod config;
mod connections;
mod descriptions;
mod fronts;
mod grants;
mod guard;
mod idempotency;
mod loading;
mod malformed;
mod mcp;
mod mcp_skills;
mod metrics;
mod openapi;
mod outcomes;
mod probes;
mod revocation;
mod room;
mod schemas;
mod seen;
mod skills;
mod store;
mod streams;
mod tls;
mod tokens;

use ringfence_server_tests::Plan;

/// A site with an empty store.
fn plan() -> Plan {
    Plan::new(env!("CARGO_BIN_EXE_server-compile-child"))
}
