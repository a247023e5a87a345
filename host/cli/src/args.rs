//! The command line of `ringfence`: commands, options and their defaults.

mod author;
mod edge;
mod files;
mod grant;
mod kv;
mod limits;
mod serve;
mod store;

pub(crate) use author::{BuildArgs, ExportArgs, NewArgs, PackArgs, TestArgs};
pub(crate) use edge::{BundleArgs, BundleCommand, Expiry, KeygenArgs, ShowArgs, VerifyArgs};
pub(crate) use files::FileArgs;
pub(crate) use grant::{GrantArgs, RuleArgs};
pub(crate) use kv::{
    KvArgs, KvCommand, KvExportArgs, KvFile, KvGetArgs, KvListArgs, KvSetArgs, KvSpaceArgs, KvVerifyArgs,
};
pub(crate) use limits::{LimitArgs, LowerArgs};
pub(crate) use serve::{
    LogFormat, McpArgs, ServeArgs, ServerArgs, TokenArgs, TokenCommand, TokenCreateArgs, TokenRevokeArgs,
};
pub(crate) use store::{
    GcArgs, NameArgs, PolicyArgs, PrefixArgs, PrefixCommand, PrefixRemoveArgs, PrefixReserveArgs,
    ReleaseArgs, RevokeArgs, SubmitArgs,
};

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ringfence::{InvalidValue, LimitUnit, SchemaStyle};

use crate::exit;

/// The version, the engine and the platform of this program.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (wasmtime {}, {})",
        env!("CARGO_PKG_VERSION"),
        ringfence::WASMTIME_VERSION,
        env!("RINGFENCE_TARGET")
    )
});

/// Run untrusted agent skills: WebAssembly components, under hard limits, without access to your files.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version = VERSION.as_str(), after_help = exit::all())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call a tool of a skill and print its result
    Run(Box<RunArgs>),
    /// Show a skill's tools, schemas, imports, size and digest
    Inspect(InspectArgs),
    /// Check that a skill can run here, and list every reason if it cannot
    Check(CheckArgs),
    /// Create a folder with a new skill that builds and runs
    New(NewArgs),
    /// Build a skill from source and pack it
    ///
    /// The command runs the tools of the skill's language with your permissions. `language` in `skill.toml` selects the
    /// language; without it, the files in the folder do. Set RINGFENCE_RUSTC to use another rustc. If a tool is
    /// missing, the error says how to install it.
    #[command(verbatim_doc_comment)]
    Build(BuildArgs),
    /// Add documentation and metadata to a component, from WIT, `skill.toml` and SKILL.md
    Pack(PackArgs),
    /// Test a skill in the sandbox, or compare two versions of it
    ///
    /// Runs each `[[example]]` of `skill.toml` and each line of `cases.jsonl`. `snapshots.jsonl` holds the expected
    /// results of the examples. The skill's clock starts at 2026-01-01 and advances 1 ms with every reading, and its
    /// random numbers are the same in every run.
    ///
    /// The exit code is 7 if a result differs from the expected one. With `--against` it is 0, whatever differs.
    #[command(verbatim_doc_comment)]
    Test(Box<TestArgs>),
    /// Write an Agent Skills folder, whose SKILL.md tells agents how to call the skill
    ExportSkill(ExportArgs),
    /// Add a skill to the store
    Submit(SubmitArgs),
    /// List the skills in the store
    #[command(after_help = exit::help(exit::READ))]
    List(Common),
    /// Show the versions and the history of a skill in the store
    #[command(after_help = exit::help(exit::READ))]
    Show(NameArgs),
    /// Remove a skill, or one version of it, from the store
    #[command(after_help = exit::help(exit::STORE))]
    Remove(NameArgs),
    /// Make an earlier version of a skill current
    #[command(after_help = exit::help(exit::STORE))]
    Rollback(NameArgs),
    /// Release a held version so that it can run
    Release(ReleaseArgs),
    /// Revoke a skill permanently, under all its names
    ///
    /// A revoked component never runs again, whatever its name. A revocation cannot be undone.
    Revoke(RevokeArgs),
    /// Check every file in the store and report damage
    #[command(after_help = exit::help(exit::VERIFY))]
    Verify(Common),
    /// Delete unneeded files from the store
    ///
    /// Deletes leftovers of killed processes, components without a version, and compiled code of unused engines. With
    /// `--keep-versions`, it deletes old versions as well.
    #[command(verbatim_doc_comment)]
    Gc(GcArgs),
    /// Show or change the caps of the store
    Policy(PolicyArgs),
    /// Serve the store to agents and services, over HTTP and MCP
    ///
    /// Prints its address on standard output once it listens, and logs to standard error. SIGTERM and Control-C stop
    /// the server: it finishes running calls for up to `listen.shutdown-timeout`. SIGHUP reloads the configuration,
    /// the certificate, the tokens and the skills. Until you create a token, it listens on loopback addresses only.
    #[command(verbatim_doc_comment)]
    Serve(Box<ServeArgs>),
    /// Serve the store to one agent, over MCP on standard input and output
    Mcp(Box<McpArgs>),
    /// Reserve name prefixes for owners
    Prefix(PrefixArgs),
    /// Create, list and revoke access tokens for `serve`
    Token(TokenArgs),
    /// Show and change what skills keep in key-value spaces
    ///
    /// The commands work on the file while a server uses it.
    Kv(Box<KvArgs>),
    /// Compile skills into one signed file for edge workers
    ///
    /// A worker (`ringfence-edge`) runs bundles without a compiler. The code is for the processors that you name, not for
    /// this machine. The same skills, key, version and dates produce the same bytes. `ringfence bundle show` prints the
    /// contents of a bundle, and `ringfence bundle verify` checks it.
    #[command(verbatim_doc_comment)]
    Bundle(Box<BundleArgs>),
    /// Create a key pair for signing bundles
    ///
    /// The secret key signs bundles. Workers trust the public key (`.pub`).
    Keygen(KeygenArgs),
    /// Test every limit on this machine with hostile guests
    ///
    /// Runs guests that attack one limit each, and shows what stopped them. It tests your limits (`--fuel` and the
    /// others), the isolation, the compiler's jail and the store. The guests are part of this program. They are
    /// validated, compiled and run like any other skill. The test takes a few seconds longer than the deadline, and
    /// reads the whole store.
    ///
    /// The exit code is 7 if a check failed or could not run. Skipped checks do not change it.
    #[command(verbatim_doc_comment)]
    Doctor(Box<DoctorArgs>),
    /// Print a completion script for a shell
    ///
    /// For example, `ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence`.
    #[command(after_help = exit::help(exit::NEW))]
    Completions(CompletionsArgs),
    /// Print the manual page, or write a page for each command
    ///
    /// For example, `ringfence man --dir ~/.local/share/man/man1`.
    #[command(after_help = exit::help(exit::NEW))]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Existing directory for the pages of all commands [default: the page of `ringfence` on standard output]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell
    pub(crate) shell: clap_complete::Shell,
}

/// The location of the store.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// Directory of the store [default: $RINGFENCE_HOME, or `ringfence` in your data directory]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl StoreArgs {
    /// The store that `--store` names.
    pub(crate) fn given(&self) -> Option<PathBuf> {
        self.store.clone()
    }

    /// The store that `--store` or the environment names. An empty variable counts as not set.
    pub(crate) fn named(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os("RINGFENCE_HOME").filter(|value| !value.is_empty());
        self.store.clone().or_else(|| variable().map(PathBuf::from))
    }
}

/// The store, and the form of the output: what most commands share.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct SkillArgs {
    /// Skill: a `.wasm` file, a stored name, `name@version` or digest, or `-` for standard input
    pub(crate) skill: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) skill: SkillArgs,
    /// Style of the JSON Schemas: `exact`, `portable` (the one that MCP lists), `openai`, `anthropic` or `gemini`
    #[arg(long, value_name = "STYLE", default_value_t = SchemaStyle::Exact)]
    pub(crate) schema: SchemaStyle,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE))]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) skill: SkillArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::RUN))]
pub(crate) struct RunArgs {
    /// Skill: a `.wasm` file, a stored name, `name@version` or digest, or `-` for standard input
    pub(crate) skill: String,
    /// Tool to call; optional if the skill has only one
    pub(crate) tool: Option<String>,
    /// Arguments: a JSON object, `@FILE`, or `-` for standard input
    #[arg(long, short, default_value = "{}", value_name = "JSON")]
    pub(crate) input: String,
    /// Print the whole report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the skill's log to standard error
    #[arg(long, short)]
    pub(crate) log: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Seed of the skill's random numbers, for repeatable runs [default: random]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Start of the skill's clock in seconds since 1970, advancing 1 ms with every reading [default: the real time]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) clock: Option<u64>,
    #[command(flatten)]
    pub(crate) grants: GrantArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::DOCTOR))]
pub(crate) struct DoctorArgs {
    /// Print JSON: every check, and whether all passed
    #[arg(long)]
    pub(crate) json: bool,
    /// Configuration of a server to check against the store [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// `1000000` or `1_000_000`.
pub(crate) fn number(text: &str) -> Result<u64, InvalidValue> {
    LimitUnit::Count.parse(text)
}

/// `500ms`, `5s`, `30days`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a time, for example 500ms, 5s or 30days".to_owned())
}

/// `127.0.0.1:7420`.
pub(crate) fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, for example 127.0.0.1:7420".to_owned())
}

/// `64MiB`, `64M`, `65536`.
pub(crate) fn size(text: &str) -> Result<u64, InvalidValue> {
    LimitUnit::Bytes.parse(text)
}
