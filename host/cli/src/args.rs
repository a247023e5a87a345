//! What can be typed: the command line of `ringfence`, each default written where it is met.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};
use ringfence::Limits;

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
    Inspect(SkillArgs),
    /// Check whether a skill would be taken, and say every reason if not
    Check(SkillArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SkillArgs {
    /// The component, a `.wasm` file, or `-` for standard input
    pub(crate) skill: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct RunArgs {
    /// The component, a `.wasm` file, or `-` for standard input
    pub(crate) skill: PathBuf,
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
    /// Fuel: about one unit an instruction
    #[arg(long, default_value = "1000000000", value_parser = number)]
    pub(crate) fuel: u64,
    /// Wall time, waits included
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) deadline: Duration,
    /// Linear memory, all memories together
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
    /// Make the skill's random numbers repeat
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Make the skill's clock stand at this many seconds after 1970, moving 1 ms with every look
    #[arg(long, value_name = "SECONDS")]
    pub(crate) clock: Option<u64>,
}

impl RunArgs {
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

/// `1000000` or `1_000_000`.
fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| "expected a whole number, such as 1000000".to_owned())
}

/// `64MiB`, `64M`, `65536`.
fn size(text: &str) -> Result<u64, String> {
    let parsed: Result<ByteSize, _> = text.parse();
    parsed.map(|size| size.as_u64()).map_err(|_| "expected a size, such as 64MiB, 500kB or 65536".to_owned())
}
