//! Options that bring files into the scratch files of a run, and save files from them.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// File to copy into the scratch files of the run, e.g. in/data.csv=./data.csv. Needs --grant scratch. Repeat it for
    /// more
    #[arg(long = "file", value_name = "NAME=FILE", value_parser = pair)]
    pub(crate) bring: Vec<(String, PathBuf)>,
    /// Scratch file to save when the run has ended, e.g. tmp/out.csv=./out.csv. FILE must not exist. Repeat it for more
    #[arg(long = "save", value_name = "NAME=FILE", value_parser = pair, conflicts_with = "dry_run_grants")]
    pub(crate) save: Vec<(String, PathBuf)>,
}

/// `NAME=FILE`: the name in the run, and the file of the caller.
fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.trim_matches('/').is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("expected NAME=FILE, for example in/data.csv=./data.csv".to_owned()),
    }
}
