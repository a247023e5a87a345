//! The commands on a store: `submit`, `list`, `show`, `remove`, `rollback`, `release`, `revoke`, `verify`, `gc`,
//! `policy`, `prefix`. Data on stdout, as a table or with `--json`.

mod change;
mod list;
mod prefix;
mod show;
mod submit;
mod verify;

pub(crate) use change::{gc, policy, release, remove, revoke, rollback};
pub(crate) use list::list;
pub(crate) use prefix::prefix;
pub(crate) use show::show;
pub(crate) use submit::submit;
pub(crate) use verify::verify;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use ringfence_store::{GrammarError, Name, Reference, Version};

use crate::output::Refused;

/// Prints a refusal, or the result.
pub(crate) fn answer(json: bool, done: Result<ExitCode, Refused>) -> ExitCode {
    done.unwrap_or_else(|refused| refused.say(json))
}

/// A name, with or without a version.
fn name(given: &str) -> Result<(Name, Option<Version>), Refused> {
    match given.parse::<Reference>()? {
        Reference::Name(name) => Ok((name, None)),
        Reference::Version(name, version) => Ok((name, Some(version))),
        Reference::Digest(_) | Reference::Prefix(_) => Err(GrammarError {
            what: "a skill name",
            given: given.to_owned(),
            expected: "a name such as `text-stats`, or `name@version`; `ringfence list` lists the skills",
        }
        .into()),
    }
}

/// Seconds since 1970 as a date and time in UTC.
pub(crate) fn time(seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let mut text = String::new();
    // Years of more than four digits have no such form.
    let written = time.map(|time| write!(text, "{}", humantime::format_rfc3339_seconds(time)));
    if written.is_some_and(|written| written.is_ok()) { text } else { format!("{seconds} s since 1970") }
}
