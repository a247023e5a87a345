//! The command lines of skill authors: `new`, `build`, `pack`, `test`, `export-skill`.

use std::path::PathBuf;

use clap::Args;

use super::{LimitArgs, StoreArgs};
use crate::exit;

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::NEW))]
pub(crate) struct NewArgs {
    /// Name of the skill and of its folder: words of a-z and 0-9 joined by hyphens, each starting with a letter
    pub(crate) name: String,
    /// Language
    #[arg(long, default_value = "rust", value_name = "LANGUAGE", value_parser = ["rust", "javascript", "python", "go", "c"])]
    pub(crate) lang: String,
    /// Directory in which to create the folder [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::FILES))]
pub(crate) struct BuildArgs {
    /// Folder of the skill [default: the current one]
    pub(crate) dir: Option<PathBuf>,
    /// Component file to write [default: NAME.wasm in the folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Install missing build tools from PyPI or npm, at pinned versions, into the skill's folder
    #[arg(long)]
    pub(crate) install: bool,
    /// Show the output of the build tools
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::FILES))]
pub(crate) struct PackArgs {
    /// Component: a `.wasm` file, or `-` for standard input
    pub(crate) component: PathBuf,
    /// File to write [default: overwrite the component]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Manifest [default: `skill.toml` in the current directory, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// WIT file or folder [default: `wit` beside the manifest, if it exists]
    ///
    /// Without WIT, the component keeps the documentation that an earlier `pack` added.
    #[arg(long, value_name = "PATH")]
    pub(crate) wit: Option<PathBuf>,
    /// World to use if the WIT has several
    #[arg(long, value_name = "NAME")]
    pub(crate) world: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::TEST))]
pub(crate) struct TestArgs {
    /// Folder of the skill [default: the current one]
    pub(crate) dir: Option<PathBuf>,
    /// Component file [default: NAME.wasm in the folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Accept the actual results as the new snapshots, except those of refused calls
    #[arg(long, conflicts_with = "against")]
    pub(crate) update: bool,
    /// Compare with another version: a `.wasm` file, or a stored name, `name@version` or digest
    #[arg(long, value_name = "SKILL")]
    pub(crate) against: Option<String>,
    /// Inputs of the comparison, one per line [default: the examples and cases of the skill]
    ///
    /// A line is an input, or an object with `input` and optionally `tool` and `name`.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct ExportArgs {
    /// Skill: a `.wasm` file, or a stored name, `name@version` or digest
    pub(crate) skill: String,
    /// Directory in which to create the folder, which gets the name of the skill
    pub(crate) dir: PathBuf,
    /// Name of the exported skill [default: its name in the store, in its manifest, or the file name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}
