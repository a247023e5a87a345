//! What can be typed after `ringfence mcp`: as after `serve`, and what the agent sees and may use.

use std::time::Duration;

use clap::Args;
use ringfence_server::LimitOverrides;
use ringfence_store::Pattern;

use crate::args::{ServeArgs, number, size};

#[derive(Debug, Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct McpArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Skills that the agent sees: names, or prefixes such as `acme-*`, separated by commas [default: all]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub(crate) skills: Vec<Pattern>,
    #[command(flatten)]
    pub(crate) limits: LowerArgs,
}

/// Limits of every run, where they are given.
#[derive(Debug, Args)]
pub(crate) struct LowerArgs {
    /// Fuel of a run, about one unit per instruction [default: the configuration's]
    #[arg(long, value_parser = number)]
    pub(crate) fuel: Option<u64>,
    /// Wall time of a run, waits included, e.g. 5s [default: the configuration's]
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Linear memory of a run, e.g. 64MiB [default: the configuration's]
    #[arg(long, value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Table elements of a run [default: the configuration's]
    #[arg(long, value_parser = number)]
    pub(crate) table_elements: Option<u64>,
    /// Input of a call as JSON, e.g. 1MiB [default: the configuration's]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) input_size: Option<u64>,
    /// Output of a run as JSON, emitted chunks included [default: the configuration's]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) output: Option<u64>,
    /// Lines of log kept for a run [default: the configuration's]
    #[arg(long, value_name = "N")]
    pub(crate) log_lines: Option<u32>,
    /// Bytes of log kept for a run [default: the configuration's]
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) log_size: Option<u64>,
    /// Calls from a run to the host [default: the configuration's]
    #[arg(long, value_parser = number, value_name = "N")]
    pub(crate) host_calls: Option<u64>,
}

impl LowerArgs {
    /// What was given.
    pub(crate) fn given(&self) -> LimitOverrides {
        LimitOverrides {
            fuel: self.fuel,
            deadline: self.deadline,
            memory: self.memory,
            table_elements: self.table_elements,
            input: self.input_size,
            output: self.output,
            log_lines: self.log_lines,
            log_bytes: self.log_size,
            host_calls: self.host_calls,
        }
    }
}
