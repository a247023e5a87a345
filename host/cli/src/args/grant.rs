//! Options that grant capabilities to the skill of a run.

use std::path::PathBuf;

use clap::Args;
use ringfence_egress::secret::{CommandLineSource, Source};
use ringfence_policy::Grant;

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// Capability for the skill of this run, e.g. 'http GET https://api.example.com/v1/', kv, 'config KEY=VALUE'.
    /// Repeat it for more
    #[arg(long = "grant", value_name = "GRANT")]
    pub(crate) grants: Vec<Grant>,
    /// Deny every capability, and print the grants that the run needs instead of its result
    #[arg(long, conflicts_with = "grants")]
    pub(crate) dry_run_grants: bool,
    /// Secret that grants can name, from `env:VARIABLE`, `file:PATH` or `command:PROGRAM`. Repeat it for more
    #[arg(long = "secret", value_name = "NAME=SOURCE", value_parser = secret)]
    pub(crate) secrets: Vec<(String, CommandLineSource)>,
    /// File of durable key-value spaces [default: `kv.redb` in the store]
    #[arg(long, value_name = "FILE")]
    pub(crate) kv: Option<PathBuf>,
}

/// Grants to hold the requests of a skill against.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// Grant to compare with the skill's requests, e.g. kv. Repeat it for more
    #[arg(long = "grant", value_name = "GRANT")]
    pub(crate) grants: Vec<Grant>,
    /// Configuration of a server, whose grants to compare with the skill's requests
    #[arg(long, value_name = "FILE", conflicts_with = "grants")]
    pub(crate) config: Option<PathBuf>,
    /// Caller, for grants that name callers
    #[arg(long, value_name = "OWNER", default_value = "local")]
    pub(crate) principal: String,
}

/// `NAME=SOURCE`. A command is split at spaces, and no shell reads it.
fn secret(text: &str) -> Result<(String, CommandLineSource), String> {
    let expected = || {
        "expected NAME=SOURCE, where SOURCE is env:VARIABLE, file:PATH or command:PROGRAM, for example \
         token=env:API_TOKEN"
            .to_owned()
    };
    let (name, source) = text.split_once('=').ok_or_else(expected)?;
    let source = match source.split_once(':').ok_or_else(expected)? {
        ("env", variable) => Source::Environment(variable.to_owned()).into(),
        ("file", path) => Source::File(path.into()).into(),
        ("command", command) => {
            let mut words = command.split_whitespace().map(str::to_owned);
            CommandLineSource::command(words.next().ok_or_else(expected)?, words)
        }
        _ => return Err(expected()),
    };
    Ok((name.to_owned(), source))
}
