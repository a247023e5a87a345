//! `Ringfence-Limits: fuel=1000000, deadline=200ms, memory=16MiB`: a caller lowers the limits of one call.

use std::time::Duration;

use bytesize::ByteSize;
use http::HeaderMap;
use ringfence::Limits;

use crate::error::ServeError;

/// The header's name.
pub(crate) const HEADER: &str = "ringfence-limits";

/// The operator's limits, lowered as the header says.
pub(crate) fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, ServeError> {
    let mut lowered = limits.clone();
    for value in headers.get_all(HEADER) {
        let text = value.to_str().map_err(|_| ServeError::BadLimit("it is no text".to_owned()))?;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                bad(format!(
                    "`{part}` is not `NAME=VALUE`, such as `fuel=1000000, deadline=200ms, memory=16MiB`"
                ))
            })?;
            set(&mut lowered, limits, name.trim(), value.trim())?;
        }
    }
    Ok(lowered)
}

fn set(limits: &mut Limits, most: &Limits, name: &str, value: &str) -> Result<(), ServeError> {
    match name {
        "fuel" => limits.fuel = lower("fuel", number(value)?, most.fuel, 1)?,
        "deadline" => {
            let deadline = humantime::parse_duration(value)
                .map_err(|_| bad(format!("`{value}` is no time, such as 200ms or 5s")))?;
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
                ringfence::text::clean(name, 40)
            )));
        }
    }
    Ok(())
}

fn lower(name: &'static str, asked: u64, most: u64, least: u64) -> Result<u64, ServeError> {
    if asked > most {
        return Err(ServeError::LimitRaised { name, asked, most });
    }
    if asked < least {
        return Err(bad(format!("`{name}` must be at least {least}")));
    }
    Ok(asked)
}

fn number(text: &str) -> Result<u64, ServeError> {
    text.parse().map_err(|_| bad(format!("`{}` is no whole number", ringfence::text::clean(text, 40))))
}

fn size(text: &str) -> Result<u64, ServeError> {
    let parsed: Result<ByteSize, _> = text.parse();
    parsed
        .map(|size| size.as_u64())
        .map_err(|_| bad(format!("`{}` is no size, such as 64MiB", ringfence::text::clean(text, 40))))
}

fn bad(reason: String) -> ServeError {
    ServeError::BadLimit(reason)
}
