//! The command lines of `ringfence bundle` and `ringfence keygen`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ringfence::Target;

use super::StoreArgs;
use crate::exit;

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::STORE), args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BundleArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BundleCommand>,
    /// Skills: `.wasm` files, or stored names or `name@version`; `NAME=SKILL` renames one in the bundle
    #[arg(required = true, value_name = "SKILL")]
    pub(crate) skills: Vec<String>,
    /// Bundle file to write
    #[arg(long, short, required = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Secret key to sign with, created by `ringfence keygen`
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Target to compile for: x86_64, x86_64-v3, aarch64 or pulley64; repeatable
    #[arg(long, required = true, value_name = "TARGET")]
    pub(crate) target: Vec<Target>,
    /// TOML file with limits and grants: sections `[limits]`, `[skill.NAME.limits]`, and `grants` in `[skill.NAME]`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Version of the bundle; workers refuse a version below the highest that they have seen
    ///
    /// [default: --not-before or the current time, in microseconds; at least one above the last version, which KEY.version
    /// records]
    #[arg(long, value_name = "N")]
    pub(crate) bundle_version: Option<u64>,
    /// Start of validity, e.g. 2027-01-31T12:00:00Z or seconds since 1970 [default: $SOURCE_DATE_EPOCH, or now]
    #[arg(long, value_name = "TIME", value_parser = date)]
    pub(crate) not_before: Option<u64>,
    /// End of validity: a date, seconds since 1970, or a period after --not-before such as 30days
    #[arg(long, value_name = "TIME", default_value = "90days", value_parser = expiry)]
    pub(crate) expires: Expiry,
    /// Copy code for other engines from this bundle; repeatable
    ///
    /// The bundle must hold the same skills and have a signature of the same key. Use it to serve workers of two Ringfence
    /// releases with one bundle.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) with: Vec<PathBuf>,
    /// List of revocations, one per line: `key:…`, `bundle:…` or `sha256:…` (a skill); repeatable
    ///
    /// The command refuses to sign anything that a list revokes, and anything that the store holds or has revoked.
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Vec<PathBuf>,
    /// Replace an existing bundle
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print the contents as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Check the signature, the dates and every byte of a bundle, as a worker does
    Verify(VerifyArgs),
    /// Show the contents of a bundle without verifying it
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::FILES))]
pub(crate) struct VerifyArgs {
    /// Bundle file
    pub(crate) bundle: PathBuf,
    /// File with trusted public keys, one per line; repeatable
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// List of revocations, one per line: `key:…`, `bundle:…` or `sha256:…` (a skill); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::FILES))]
pub(crate) struct ShowArgs {
    /// Bundle file
    pub(crate) bundle: PathBuf,
    /// Print JSON: the whole manifest, with the schemas
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = exit::help(exit::NEW))]
pub(crate) struct KeygenArgs {
    /// File for the secret key; the public key goes to the same path with `.pub` added. Neither file may exist
    #[arg(default_value = "ringfence.key", value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// The end of a bundle's validity.
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
        .map_err(|_| "expected a date such as 2027-01-31T12:00:00Z, or seconds since 1970".to_owned())?;
    time.duration_since(std::time::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .map_err(|_| "expected a date after 1970".to_owned())
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(at) = date(text) {
        return Ok(Expiry::At(at));
    }
    humantime::parse_duration(text).map(Expiry::After).map_err(|_| {
        "expected a date such as 2027-01-31T12:00:00Z, or a period after --not-before such as 30days"
            .to_owned()
    })
}
