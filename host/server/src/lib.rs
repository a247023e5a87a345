//! Serves a store of skills to agents: an HTTP API and MCP, with tokens, admission and limits.
//!
//! ```no_run
//! # use ringfence::Host;
//! # use ringfence_compile::{CompileLimits, Compiler};
//! # use ringfence_store::{Library, Store};
//! use ringfence_server::{Config, Server};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::parse("[listen]\naddress = \"127.0.0.1:0\"", "ringfence.toml".as_ref())?;
//! let host = Host::new(config.host_config())?;
//! let compiler = Compiler::this_program(CompileLimits::default())?;
//! let library = Library::new(host, compiler, Store::open_or_make("skills.store")?);
//!
//! let server = Server::new(library, config).await?;
//! let listener = server.bind().await?;
//! server.serve(listener, async { /* until this is done */ }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Clients find the API at `/v1/openapi.json` and MCP at `/mcp`. [`EXAMPLE`] has every setting.
//! [`Server::router`] returns the whole service, to mount in a service of your own.
//!
//! # The path of a request
//!
//! 1. guard: `Host`, `Origin`, token
//! 2. catalog: the skills that the caller can see, in memory
//! 3. body: capped, timed, within a budget for all bodies
//! 4. gate: the principal's account, then a run slot or a bounded wait for one
//! 5. run, and report
//!
//! Between guard and report, no step compiles or holds a lock across an await. Only a skill that is still loading, or a
//! version that is not current, makes a call wait for the disk.
//!
//! # Outcomes
//!
//! Over HTTP every report has status 200 and contains its outcome. If the server refuses a request before a run, it returns
//! a problem (RFC 9457) with a stable code. The table in `mcp/result.rs` shows how agents see outcomes over MCP.

mod app;
mod authority;
mod budget;
mod catalog;
mod config;
mod described;
mod error;
mod files;
mod gate;
mod grants;
mod http;
mod idempotency;
mod intake;
mod json;
mod librarian;
mod listen;
mod mcp;
mod metrics;
mod operator;
mod prepared;
mod principal;
mod quota;
mod run;
mod seen;
mod server;
mod shares;
mod sizes;
mod skills;
mod submissions;
mod tls;
mod versions;
mod work;

pub use authority::{Authority, Origin};
pub use config::{
    Accepted, Admission, Config, ConfigError, EXAMPLE, Egress, HostSection, Idempotency, KnownNames, Kv,
    LimitsSection, LimitsTable, Listen, Mcp, Metrics, Number, Quota, QuotaSection, Size, Time, Tls,
};
pub use server::{Server, ServerError, Source};

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
