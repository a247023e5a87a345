//! What can be typed: the command line of `ringfence`, each default written where it is met.

mod prefix;

pub(crate) use prefix::{PrefixArgs, PrefixCommand, PrefixRemoveArgs, PrefixReserveArgs};

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};
use ringfence::{Limits, SchemaStyle, Target};

use crate::mcp_args::McpArgs;

/// Run untrusted agent skills: WebAssembly components, under hard limits, without a filesystem.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version, after_help = crate::exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call a tool of a skill and print its value
    Run(Box<RunArgs>),
    /// Show what a skill is: tools, schemas, imports, size, digest
    Inspect(InspectArgs),
    /// Check whether a skill can run here, and say every reason if not
    Check(SkillArgs),
    /// Make a folder for a new skill, which builds and runs as it stands
    New(NewArgs),
    /// Build a skill from its source, with its language's own tools, and pack it
    ///
    /// The language is what `skill.toml` says, or what the files show. The tools run with your rights. RINGFENCE_RUSTC names
    /// another rustc. Where a tool is missing, `--install` installs it, or the error says what does.
    #[command(verbatim_doc_comment)]
    Build(BuildArgs),
    /// Put what its author says of a skill into a component: WIT comments, `skill.toml`, SKILL.md
    Pack(PackArgs),
    /// Run a skill's examples and cases in the sandbox and compare, or compare two versions of it
    ///
    /// What is run: the `[[example]]`s of `skill.toml`, whose results are kept in `snapshots.jsonl`, and the lines of
    /// `cases.jsonl`. The clock stands at 2026-01-01, moving 1 ms with every look, and random numbers repeat. The exit
    /// code is 7 when something did not come out as told; of a comparison (`--against`) it is 0, whatever changed.
    #[command(verbatim_doc_comment)]
    Test(Box<TestArgs>),
    /// Write a skill as an Agent Skills folder: a SKILL.md that tells an agent how to call its tools
    ExportSkill(ExportArgs),
    /// Take a skill into the store, under a name
    Submit(SubmitArgs),
    /// List the skills of the store
    List(ListArgs),
    /// Show a skill of the store: its versions and its history
    Show(NameArgs),
    /// Remove a skill from the store, or one version of it
    Remove(NameArgs),
    /// Make an earlier version of a skill current
    Rollback(NameArgs),
    /// Let a version run that was submitted to be held
    Release(ReleaseArgs),
    /// Revoke a skill's bytes: they never run again, under whatever name. There is no way back
    Revoke(RevokeArgs),
    /// Look at every file of the store: hash all again, name what is damaged
    Verify(ListArgs),
    /// Free what nobody needs: leftovers, code of engines that are gone, old versions if asked
    Gc(GcArgs),
    /// Show what the store takes, or change what is given of it
    Policy(PolicyArgs),
    /// Serve the store to agents and services, over HTTP and MCP
    ///
    /// Prints the address on standard output once it listens, and logs on standard error. SIGTERM and Control-C stop
    /// it: calls that run are finished first, for as long as `listen.shutdown-timeout` says. SIGHUP reads the
    /// configuration, the certificate, the tokens and the skills again. Without a token it listens on this machine
    /// only.
    #[command(verbatim_doc_comment)]
    Serve(Box<ServeArgs>),
    /// Speak MCP on standard input and output, for an agent that starts this program
    Mcp(Box<McpArgs>),
    /// Reserve beginnings of names for an owner, list them, give them back
    Prefix(PrefixArgs),
    /// Make, list and revoke the tokens by which callers of `serve` are known
    Token(TokenArgs),
    /// Compile skills ahead of time into one signed file, for workers that hold no compiler (`ringfence-edge`)
    ///
    /// The code is for a processor that is named, not for this machine. The same skills, key, version and dates give the
    /// same bytes. `ringfence bundle show` and `ringfence bundle verify` look at one.
    #[command(verbatim_doc_comment)]
    Bundle(Box<BundleArgs>),
    /// Make a key pair for bundles: the secret half signs, the public half (`.pub`) is what workers trust
    Keygen(KeygenArgs),
    /// Run hostile guests against these limits on this machine, and show what stopped each
    ///
    /// Each limit is tested as it is given here, while the others are kept out of its way. The guests are in
    /// this program; they are validated, compiled in the limited child and run as any stranger's skill. It
    /// takes as long as the deadline and some seconds more, and as reading all of the store in use. The exit
    /// code is 0 when every check passed, and 7 when one failed or could not be tried; what is skipped counts
    /// as neither.
    #[command(verbatim_doc_comment)]
    Doctor(Box<DoctorArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BundleArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BundleCommand>,
    /// The skills: `.wasm` files, or names or `name@version` of the store; `NAME=SKILL` to call one otherwise
    #[arg(required = true, value_name = "SKILL")]
    pub(crate) skills: Vec<String>,
    /// The file to write
    #[arg(long, short, required = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The secret key to sign with, as `ringfence keygen` wrote it
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// What to compile for; may be given several times [x86_64, x86_64-v3, aarch64, pulley64]
    #[arg(long, required = true, value_name = "TARGET")]
    pub(crate) target: Vec<Target>,
    /// Limits and grants, in TOML: sections `limits`, `skill.NAME.limits`, `skill.NAME` with `grants`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Version of the bundle; a worker refuses one that is lower than it has seen [default: the time in microseconds, or
    /// --not-before; always above the last version that the key signed, which KEY.version keeps]
    #[arg(long, value_name = "N")]
    pub(crate) bundle_version: Option<u64>,
    /// When it begins to hold: a date such as 2027-01-31T12:00:00Z, or seconds since 1970 [default: $SOURCE_DATE_EPOCH, else now]
    #[arg(long, value_name = "TIME", value_parser = date)]
    pub(crate) not_before: Option<u64>,
    /// When it ends: a date, seconds since 1970, or a time after --not-before such as 30days
    #[arg(long, value_name = "TIME", default_value = "90days", value_parser = expiry)]
    pub(crate) expires: Expiry,
    /// Take over the code for other engines from a bundle of the same skills, which another release of Ringfence made and the
    /// same key signed: then workers of both releases take the new one
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) with: Vec<PathBuf>,
    /// Sign nothing that these lists revoke, one a line: `key:…`, `bundle:…`, `sha256:…` (a skill); may be given several times.
    /// What the store holds back or has revoked is never signed
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Vec<PathBuf>,
    /// Replace the bundle that is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print what it holds as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Check a bundle as a worker does: its key, signature, dates and every byte
    Verify(VerifyArgs),
    /// Show what a bundle says of itself; nothing is verified
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct VerifyArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// Public keys that are trusted, one a line; may be given several times
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// What is revoked, one a line: `key:…`, `bundle:…`, `sha256:…` (a skill); may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct ShowArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// Print JSON: the whole manifest, with the schemas
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct KeygenArgs {
    /// The file for the secret key; the public one is written beside it, with `.pub` added. Neither may be there
    #[arg(default_value = "ringfence.key", value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// When a bundle ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expiry {
    At(u64),
    After(Duration),
}

fn date(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = humantime::parse_rfc3339_weak(text)
        .map_err(|_| "not a time, such as 2027-01-31T12:00:00Z or seconds since 1970".to_owned())?;
    time.duration_since(std::time::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .map_err(|_| "a time before 1970".to_owned())
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(at) = date(text) {
        return Ok(Expiry::At(at));
    }
    humantime::parse_duration(text).map(Expiry::After).map_err(|_| {
        "not a time, such as 2027-01-31T12:00:00Z, or 30days for so long after --not-before".to_owned()
    })
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The store [default: $RINGFENCE_HOME, else `ringfence` in your data directory]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl StoreArgs {
    /// The store that was named here.
    pub(crate) fn given(&self) -> Option<PathBuf> {
        self.store.clone()
    }

    /// The store that was named: here, or in the environment, where nothing is as good as not set.
    pub(crate) fn named(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os("RINGFENCE_HOME").filter(|value| !value.is_empty());
        self.store.clone().or_else(|| variable().map(PathBuf::from))
    }
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct SkillArgs {
    /// The skill: a `.wasm` file, a name or `name@version` or digest of the store, or `-` for standard input
    pub(crate) skill: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) skill: SkillArgs,
    /// Style of the JSON Schemas: exact, portable (as MCP lists them), openai, anthropic or gemini
    #[arg(long, value_name = "STYLE", default_value_t = SchemaStyle::Exact)]
    pub(crate) schema: SchemaStyle,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct RunArgs {
    /// The skill: a `.wasm` file, a name or `name@version` or digest of the store, or `-` for standard input
    pub(crate) skill: String,
    /// The tool; may be left out when the skill has one
    pub(crate) tool: Option<String>,
    /// The arguments: a JSON object, `@FILE`, or `-` for standard input
    #[arg(long, short, default_value = "{}", value_name = "JSON")]
    pub(crate) input: String,
    /// Print the whole report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print what the skill logged and printed, on standard error
    #[arg(long, short)]
    pub(crate) log: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Make the skill's random numbers repeat
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Make the skill's clock stand at this many seconds after 1970, moving 1 ms with every look
    #[arg(long, value_name = "SECONDS")]
    pub(crate) clock: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct DoctorArgs {
    /// Print JSON: every check, and whether all passed
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// The limits of a run, by the names that `run` and `doctor` share.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Fuel: about one unit an instruction
    #[arg(long, default_value = "1000000000", value_parser = number)]
    pub(crate) fuel: u64,
    /// Wall time, waits included
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) deadline: Duration,
    /// Linear memory, all memories together; a number is bytes
    #[arg(long, default_value = "64MiB", value_parser = size)]
    pub(crate) memory: u64,
    /// Table elements, all tables together
    #[arg(long, default_value = "100000", value_parser = number)]
    pub(crate) table_elements: u64,
    /// Input as JSON
    #[arg(long, default_value = "1MiB", value_parser = size, value_name = "SIZE")]
    pub(crate) input_size: u64,
    /// Output as JSON, emitted chunks included
    #[arg(long, default_value = "1MiB", value_parser = size, value_name = "SIZE")]
    pub(crate) output: u64,
    /// Lines of log kept
    #[arg(long, default_value = "1000", value_name = "N")]
    pub(crate) log_lines: u32,
    /// Bytes of log kept
    #[arg(long, default_value = "64KiB", value_parser = size, value_name = "SIZE")]
    pub(crate) log_size: u64,
    /// Calls from the skill to the host
    #[arg(long, default_value = "10000", value_parser = number, value_name = "N")]
    pub(crate) host_calls: u64,
}

impl LimitArgs {
    /// The limits of a run.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            fuel: self.fuel,
            deadline: self.deadline,
            memory: self.memory,
            table_elements: self.table_elements,
            input: self.input_size,
            output: self.output,
            log_lines: self.log_lines,
            log_bytes: self.log_size,
            host_calls: self.host_calls,
            ..Limits::default()
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct SubmitArgs {
    /// The component: a `.wasm` file, or `-` for standard input
    pub(crate) file: PathBuf,
    /// The name; by default the file's, without `.wasm`
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The version; by default the next number
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) as_version: Option<String>,
    /// Whose the name is: a label, not a login
    #[arg(long, default_value = "local")]
    pub(crate) owner: String,
    /// Keep it, and let it run only after `ringfence release`
    #[arg(long)]
    pub(crate) hold: bool,
    /// Replace the current version even if that breaks its callers
    #[arg(long)]
    pub(crate) breaking: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct NameArgs {
    /// The skill: its name, or `name@version`
    pub(crate) skill: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct ReleaseArgs {
    /// The skill: its name, for the version that was submitted last of those held, or `name@version`
    pub(crate) skill: String,
    /// Replace the current version even if that breaks its callers
    #[arg(long)]
    pub(crate) breaking: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct RevokeArgs {
    /// The bytes: a digest, or the name or `name@version` that points at them now
    pub(crate) skill: String,
    /// Why, for whoever meets the refusal
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Who revokes it, for the record and the logs of servers [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Cancel runs that are under way, in every process of the store; without it they go on to their end
    #[arg(long)]
    pub(crate) cancel_running: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct GcArgs {
    /// Remove versions as well, but for the newest N of each skill, the current one and held ones
    #[arg(long, value_name = "N")]
    pub(crate) keep_versions: Option<u64>,
    /// Remove the code of every other engine, also of those in use [default: where nothing was compiled for 30
    /// days]
    #[arg(long)]
    pub(crate) other_engines: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct ServeArgs {
    /// The configuration; without it everything is at its default
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print a configuration with every key, its default and what it means, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Listen there, whatever the configuration says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// How to log: `text`, or `json`, a line each
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(crate) log: LogFormat,
    /// What to log: `error`, `warn`, `info`, `debug` (each run and what guests print as well) or `trace`
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub(crate) log_level: tracing::Level,
}

/// How a log is written.
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
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print it: it is kept nowhere
    Create(TokenCreateArgs),
    /// List the tokens, without their secrets
    List(ListArgs),
    /// Revoke a token: a running server refuses it within a second
    Revoke(TokenRevokeArgs),
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct TokenCreateArgs {
    /// Whose it is: skills that it submits belong to this owner, and it sees the owner's skills
    #[arg(long, default_value = "local")]
    pub(crate) owner: String,
    /// What it may do: `call`, `submit`, `admin`; several with commas
    #[arg(long, default_value = "call", value_delimiter = ',', value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Which skills it sees besides its owner's: names, beginnings of names such as `acme-*`, `*` for all, `-` for none;
    /// several with commas
    #[arg(
        long,
        default_value = "*",
        value_delimiter = ',',
        value_name = "NAMES",
        allow_hyphen_values = true
    )]
    pub(crate) skills: Vec<String>,
    /// Whose skills --skills is about: owners, several with commas [default: anybody's]
    #[arg(long, value_delimiter = ',', value_name = "OWNERS")]
    pub(crate) skills_of: Vec<String>,
    /// How long it is valid, such as `30days` [default: until it is revoked]
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct TokenRevokeArgs {
    /// The token's id, as `ringfence token list` shows it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct NewArgs {
    /// The name: lower-case words with hyphens, each beginning with a letter. Also the folder's, which must not be there
    pub(crate) name: String,
    /// The language
    #[arg(long, default_value = "rust", value_name = "LANGUAGE", value_parser = ["rust", "javascript", "python", "go", "c"])]
    pub(crate) lang: String,
    /// Where to make the folder [default: here]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct BuildArgs {
    /// The skill's folder [default: here]
    pub(crate) dir: Option<PathBuf>,
    /// Where to write the component [default: NAME.wasm in the folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Install what the build lacks from PyPI or npm, at one version, into the skill's folder
    #[arg(long)]
    pub(crate) install: bool,
    /// Show what the language's tools print
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct PackArgs {
    /// The component: a `.wasm` file, or `-` for standard input
    pub(crate) component: PathBuf,
    /// Where to write the result [default: in place of the component]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The manifest [default: skill.toml here, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// The WIT, a file or a folder [default: `wit` beside the manifest, else here, if it is there; without it, what an earlier
    /// packing took from one stays]
    #[arg(long, value_name = "PATH")]
    pub(crate) wit: Option<PathBuf>,
    /// The world, where the WIT has several
    #[arg(long, value_name = "NAME")]
    pub(crate) world: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct TestArgs {
    /// The skill's folder [default: here]
    pub(crate) dir: Option<PathBuf>,
    /// The component [default: NAME.wasm in the folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Keep what comes as what is to come, but for calls that are refused
    #[arg(long, conflicts_with = "against")]
    pub(crate) update: bool,
    /// Compare with another version: a `.wasm` file, or a name or `name@version` or digest of the store
    #[arg(long, value_name = "SKILL")]
    pub(crate) against: Option<String>,
    /// The inputs of the comparison, a line each: an input, or an object with `input` and perhaps `tool` and `name`
    /// [default: the skill's own]
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
#[command(after_help = crate::exit::HELP)]
pub(crate) struct ExportArgs {
    /// The skill: a `.wasm` file, or a name or `name@version` or digest of the store
    pub(crate) skill: String,
    /// Where to make the folder, which is called as the skill
    pub(crate) dir: PathBuf,
    /// Its name [default: the store's, else the one that its author gave it, else the file's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// What is not given stays as it is.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct PolicyArgs {
    /// Set everything back to the defaults, before what else is given
    #[arg(long)]
    pub(crate) reset: bool,
    /// Bytes of one component [default: 32MiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) upload: Option<u64>,
    /// Skills [default: 10000]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) skills: Option<u64>,
    /// Bytes of all components, each counted once [default: 16GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) bytes: Option<u64>,
    /// Skills of one owner [default: 1000]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) owner_skills: Option<u64>,
    /// Bytes of the components of one owner [default: 4GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) owner_bytes: Option<u64>,
    /// Versions of one skill, at most 1000 [default: 100]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) versions: Option<u64>,
    /// Bytes of compiled code; over it the oldest is removed, to be compiled again [default: 16GiB]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) artifacts: Option<u64>,
    /// Hold every submission until it is released [default: false]
    #[arg(long, value_name = "true|false")]
    pub(crate) hold: Option<bool>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `1000000` or `1_000_000`.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| "expected a whole number, such as 1000000".to_owned())
}

/// `64MiB`, `64M`, `65536`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let parsed: Result<ByteSize, _> = text.parse();
    parsed.map(|size| size.as_u64()).map_err(|_| "expected a size, such as 64MiB, 500kB or 65536".to_owned())
}
