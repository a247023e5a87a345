//! Options of `ringfence kv`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Common;
use crate::exit;

#[derive(Debug, Args)]
pub(crate) struct KvArgs {
    #[command(subcommand)]
    pub(crate) command: KvCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KvCommand {
    /// List spaces, or the keys of one space
    List(KvListArgs),
    /// Print the value of a key
    Get(KvGetArgs),
    /// Set the value of a key
    Set(KvSetArgs),
    /// Delete a key
    Delete(KvGetArgs),
    /// Write spaces to standard output, as JSON lines
    Export(KvExportArgs),
    /// Set all keys of an export; other keys stay
    Import(KvImportArgs),
    /// Copy the file while a server uses it
    Backup(KvBackupArgs),
    /// Read every row and compare it with its checksum
    Verify(KvVerifyArgs),
}

/// The file of the spaces.
#[derive(Debug, Args)]
pub(crate) struct KvFile {
    /// File of durable key-value spaces [default: `kv.redb` in the store]
    #[arg(long, value_name = "FILE")]
    pub(crate) kv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A space.
#[derive(Debug, Args)]
pub(crate) struct KvSpaceArgs {
    /// Skill: `OWNER/NAME`, `NAME` or a digest
    pub(crate) skill: String,
    /// Principal of a space that each principal has for itself
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvListArgs {
    /// Skill: `OWNER/NAME`, `NAME` or a digest. Without it, the command lists all spaces
    pub(crate) skill: Option<String>,
    /// Principal of a space that each principal has for itself
    #[arg(long, value_name = "NAME", requires = "skill")]
    pub(crate) principal: Option<String>,
    /// Beginning of the keys
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true, requires = "skill")]
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvGetArgs {
    #[command(flatten)]
    pub(crate) space: KvSpaceArgs,
    /// Key
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvSetArgs {
    #[command(flatten)]
    pub(crate) space: KvSpaceArgs,
    /// Key
    pub(crate) key: String,
    /// Value: a text, `@FILE`, or `-` for standard input
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvExportArgs {
    /// Skill: `OWNER/NAME`, `NAME` or a digest. Without it, the command writes all spaces
    pub(crate) skill: Option<String>,
    /// Principal of a space that each principal has for itself
    #[arg(long, value_name = "NAME", requires = "skill")]
    pub(crate) principal: Option<String>,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvImportArgs {
    /// File that `export` wrote
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::READ))]
pub(crate) struct KvBackupArgs {
    /// File to write; it must not exist
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) file: KvFile,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::VERIFY))]
pub(crate) struct KvVerifyArgs {
    #[command(flatten)]
    pub(crate) file: KvFile,
}
