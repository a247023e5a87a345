//! The command lines of `ringfence serve`, `ringfence mcp` and `ringfence token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ringfence_store::Pattern;

use super::{Common, LowerArgs, StoreArgs, address, time};
use crate::exit;

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Address to listen on; port 0 selects a free one [default: `listen.address`, 127.0.0.1:7420]
    #[arg(long, value_parser = address, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// The options that `serve` and `mcp` share.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Configuration file [default: none, which leaves every setting at its default]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print an example configuration with every setting, its default and its meaning, then exit
    #[arg(long)]
    pub(crate) print_config: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Log format: `text` or `json`, one record per line
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(crate) log: LogFormat,
    /// Log level: `error`, `warn`, `info` (adds each call), `debug` (adds reasons of refusals and the guests' output) or
    /// `trace` [default: `info` for `serve`, `warn` for `mcp`]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<tracing::Level>,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        match given {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected `text` or `json`".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct McpArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Skills that the agent sees: names, or prefixes such as `acme-*`, separated by commas [default: all]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub(crate) skills: Vec<Pattern>,
    #[command(flatten)]
    pub(crate) limits: LowerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it once; the store keeps only a hash
    Create(TokenCreateArgs),
    /// List tokens, without their secrets
    #[command(after_help = exit::help(exit::READ))]
    List(Common),
    /// Revoke a token; running servers refuse it within a second
    Revoke(TokenRevokeArgs),
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct TokenCreateArgs {
    /// Owner of the token: it sees this owner's skills, and its submissions belong to this owner
    #[arg(long, default_value = "local")]
    pub(crate) owner: String,
    /// Permissions: `call`, `submit`, `admin`; separated by commas
    #[arg(long, default_value = "call", value_delimiter = ',', value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Skills of other owners that the token sees, and new names that it can submit: names, prefixes such as `acme-*`, `*`
    /// for all, `-` for none; separated by commas [default: no such skills, and every free name; with --skills-of: `*`]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", allow_hyphen_values = true)]
    pub(crate) skills: Vec<String>,
    /// Owners to which --skills applies, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "OWNERS")]
    pub(crate) skills_of: Vec<String>,
    /// Lifetime, such as 30days [default: unlimited]
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct TokenRevokeArgs {
    /// Id of the token, from `ringfence token list`
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) common: Common,
}
