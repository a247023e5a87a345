//! `fuel=1000000, deadline=200ms, memory=16MiB`: a caller lowers the limits of one call, and never raises them.

use std::time::Duration;

use bytesize::ByteSize;

use crate::limits::Limits;
use crate::text::clean;

/// Why a text does not lower limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LowerError {
    /// A value is above the operator's limit.
    #[error("cannot raise the limit `{name}` to {asked}; the maximum is {most}")]
    Raised {
        /// The limit.
        name: &'static str,
        /// The requested value.
        asked: u64,
        /// The operator's limit.
        most: u64,
    },
    /// The text names no limit or no value.
    #[error("{0}")]
    Bad(String),
}

impl Limits {
    /// Lowers these limits by a text of `NAME=VALUE`, separated by commas.
    ///
    /// The names are `fuel`, `deadline` (200ms, 5s), `memory` (16MiB), `table-elements`, `input`, `output`,
    /// `log-lines`, `log-size`, `host-calls`.
    ///
    /// # Errors
    ///
    /// Fails with a [`LowerError`] for an unknown name, an invalid value, and a value above these limits.
    pub fn lowered(&self, text: &str) -> Result<Self, LowerError> {
        let mut lowered = self.clone();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                let part = clean(part, 80);
                bad(format!(
                    "invalid limit `{part}`; expected `NAME=VALUE`, for example `fuel=1000000, deadline=200ms, memory=16MiB`"
                ))
            })?;
            set(&mut lowered, self, name.trim(), value.trim())?;
        }
        Ok(lowered)
    }
}

fn set(limits: &mut Limits, most: &Limits, name: &str, value: &str) -> Result<(), LowerError> {
    match name {
        "fuel" => limits.fuel = lower("fuel", number(value)?, most.fuel, 1)?,
        "deadline" => {
            let deadline = humantime::parse_duration(value).map_err(|_| {
                bad(format!("invalid time `{}`; expected for example 200ms or 5s", clean(value, 40)))
            })?;
            let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            lower("deadline", millis(deadline), millis(most.deadline), 1)?;
            limits.deadline = deadline;
        }
        "memory" => limits.memory = lower("memory", size(value)?, most.memory, 1)?,
        "table-elements" => {
            limits.table_elements = lower("table-elements", number(value)?, most.table_elements, 0)?;
        }
        "input" => limits.input = lower("input", size(value)?, most.input, 1)?,
        "output" => limits.output = lower("output", size(value)?, most.output, 1)?,
        "log-lines" => {
            let lines = lower("log-lines", number(value)?, most.log_lines.into(), 0)?;
            limits.log_lines = u32::try_from(lines).unwrap_or(most.log_lines);
        }
        "log-size" => limits.log_bytes = lower("log-size", size(value)?, most.log_bytes, 0)?,
        "host-calls" => limits.host_calls = lower("host-calls", number(value)?, most.host_calls, 0)?,
        _ => {
            return Err(bad(format!(
                "`{}` is no limit; there are fuel, deadline, memory, table-elements, input, output, log-lines, \
                 log-size and host-calls",
                clean(name, 40)
            )));
        }
    }
    Ok(())
}

fn lower(name: &'static str, asked: u64, most: u64, least: u64) -> Result<u64, LowerError> {
    if asked > most {
        return Err(LowerError::Raised { name, asked, most });
    }
    if asked < least {
        return Err(bad(format!("invalid limit `{name}`; it must be at least {least}")));
    }
    Ok(asked)
}

fn number(text: &str) -> Result<u64, LowerError> {
    text.parse().map_err(|_| bad(format!("invalid number `{}`; expected a whole number", clean(text, 40))))
}

fn size(text: &str) -> Result<u64, LowerError> {
    let parsed: Result<ByteSize, _> = text.parse();
    parsed
        .map(|size| size.as_u64())
        .map_err(|_| bad(format!("invalid size `{}`; expected for example 64MiB", clean(text, 40))))
}

fn bad(reason: String) -> LowerError {
    LowerError::Bad(reason)
}
