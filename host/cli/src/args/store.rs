//! The command lines of the store: `submit`, `list`, `show`, `release`, `revoke`, `gc`, `policy`, `prefix`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, number, size};
use crate::exit;

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct SubmitArgs {
    /// Component: a `.wasm` file, or `-` for standard input
    pub(crate) file: PathBuf,
    /// Name of the skill [default: the file name without `.wasm`]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Version of the skill [default: the next number]
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) as_version: Option<String>,
    /// Owner of the name: a label, not a login
    #[arg(long, default_value = "local")]
    pub(crate) owner: String,
    /// Hold the version until `ringfence release`
    #[arg(long)]
    pub(crate) hold: bool,
    /// Replace the current version even if the change breaks callers
    #[arg(long)]
    pub(crate) breaking: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Skill: its name, or `name@version`
    pub(crate) skill: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct ReleaseArgs {
    /// Skill: its name, which selects its newest held version, or `name@version`
    pub(crate) skill: String,
    /// Replace the current version even if the change breaks callers
    #[arg(long)]
    pub(crate) breaking: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct RevokeArgs {
    /// Skill: a digest, a name or `name@version`
    pub(crate) skill: String,
    /// Reason, which callers see in the error
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Your name, for the record and the servers' logs [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Cancel running calls in every process that uses the store; without it, they finish
    #[arg(long)]
    pub(crate) cancel_running: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct GcArgs {
    /// Delete old versions too; keep the newest N of each skill, the current one and held ones
    #[arg(long, value_name = "N")]
    pub(crate) keep_versions: Option<u64>,
    /// Delete the compiled code of all other engines [default: of engines that compiled nothing for 30 days]
    #[arg(long)]
    pub(crate) other_engines: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Caps that are not given keep their value.
#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct PolicyArgs {
    /// Restore the defaults before applying the other options
    #[arg(long)]
    pub(crate) reset: bool,
    /// Maximum size of one component [default: 32MiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) upload: Option<u64>,
    /// Maximum number of skills [default: 10000]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) skills: Option<u64>,
    /// Maximum size of all components together [default: 16GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) bytes: Option<u64>,
    /// Maximum number of skills of one owner [default: 1000]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) owner_skills: Option<u64>,
    /// Maximum size of one owner's components together [default: 4GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) owner_bytes: Option<u64>,
    /// Maximum number of versions of one skill, up to 1000 [default: 100]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) versions: Option<u64>,
    /// Maximum size of all compiled code; above it, the oldest code is deleted [default: 16GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) artifacts: Option<u64>,
    /// Hold every submission until `ringfence release` [default: false]
    #[arg(long, value_name = "true|false")]
    pub(crate) hold: Option<bool>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct PrefixArgs {
    #[command(subcommand)]
    pub(crate) command: PrefixCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrefixCommand {
    /// Reserve all names with a prefix for one owner
    Reserve(PrefixReserveArgs),
    /// List reserved prefixes
    #[command(after_help = exit::help(exit::READ))]
    List(Common),
    /// Cancel a reservation, so that any owner can submit such names
    Remove(PrefixRemoveArgs),
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct PrefixReserveArgs {
    /// Prefix of names, such as `acme-*`. `acme` and `acme*` cover `acmeology` too
    pub(crate) prefix: String,
    /// Only owner who can submit such names
    #[arg(long)]
    pub(crate) owner: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct PrefixRemoveArgs {
    /// Reserved prefix, such as `acme-*`
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) common: Common,
}
