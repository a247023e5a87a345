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
//! let library = Library::new(host, compiler, Ok(Store::open_or_make("skills.store")?));
//!
//! let server = Server::new(library, config).await?;
//! let listener = server.bind().await?;
//! server.serve(listener, async { /* until this is done */ }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a client sees is at `/v1/openapi.json`, at `/mcp`, and in the README; what an operator sets is in
//! [`EXAMPLE`]. [`Server::router`] is all of it for a service of one's own.
//!
//! # The way of a request
//!
//! Guard (`Host`, `Origin`, token) → catalog (what the caller sees, in memory) → body (capped, timed, within a budget
//! for all) → gate (the principal's account, then a place or a bounded wait) → run → report. Between the guard and
//! the report nothing reads the disk, compiles, or holds a lock across an await; a version that is not current is
//! loaded at its first use.
//!
//! # Outcomes
//!
//! Over HTTP every report is 200 and says how its run ended; what is no run is a problem (RFC 9457) with a stable
//! code. How outcomes reach agents over MCP is the table in `mcp/result.rs`.

mod app;
mod authority;
mod budget;
mod catalog;
mod config;
mod error;
mod gate;
mod http;
mod idempotency;
mod librarian;
mod listen;
mod mcp;
mod metrics;
mod plain;
mod principal;
mod quota;
mod run;
mod seen;
mod server;
mod shares;
mod submissions;
mod tls;
mod versions;

pub use authority::{Authority, Origin};
pub use config::{
    Accepted, Admission, Config, ConfigError, EXAMPLE, HostSection, Idempotency, LimitOverrides,
    LimitsSection, Listen, Mcp, Metrics, Number, Quota, QuotaSection, Size, Time, Tls,
};
pub use server::{Server, ServerError, Source};
