//! What can be typed after `ringfence prefix`.

use clap::{Args, Subcommand};

use super::{ListArgs, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct PrefixArgs {
    #[command(subcommand)]
    pub(crate) command: PrefixCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrefixCommand {
    /// Reserve all names that begin so for an owner
    Reserve(PrefixReserveArgs),
    /// List the reserved prefixes
    List(ListArgs),
    /// Give a prefix back: anybody may submit such names again
    Remove(PrefixRemoveArgs),
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct PrefixReserveArgs {
    /// The beginning of the names, such as `acme-*`
    pub(crate) prefix: String,
    /// Who alone submits such names
    #[arg(long)]
    pub(crate) owner: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct PrefixRemoveArgs {
    /// The beginning of the names, such as `acme-*`
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
