//! Converts outcomes to MCP results. How an agent sees each outcome is public API.
//!
//! | outcome | `isError` | content |
//! |---|---|---|
//! | `completed` | false | the chunks, then the value as JSON text; the value as `structuredContent` |
//! | `failed` | true | the chunks, then the tool's error as JSON text |
//! | `trapped` | true | the chunks, `trapped (CODE)` and the engine's message, the end of the log |
//! | all others | true | the chunks, the outcome's name with limit and use, the end of the log |
//!
//! Files that the call asked for follow, each as an embedded resource with a blob.
//!
//! `_meta` has `io.ringfence/report`: run, outcome, usage and what was denied. A refusal that an agent can act on
//! (invalid input, a quota, a server at capacity) has `isError` too, and `io.ringfence/error` in `_meta`. All other
//! refusals are JSON-RPC errors. Frameworks drop `_meta`, so the text has everything that an agent needs.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringfence::{Outcome, Ran, Report, ReturnedFile, RunError, text};
use ringfence_front::request::RequestError;
use rmcp::ErrorData;
use serde_json::json;

use super::id::Id;
use super::reply::Reply;
use crate::error::ServeError;
use crate::json::json;

/// The form of a result for a caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// Whether the revision requires the kind of each result.
    pub(super) typed: bool,
    /// Whether the value is wrapped in an object.
    pub(super) wrap: bool,
}

/// Returns the response for a run.
pub(super) fn of(id: &Id, answer: &Ran, form: Form) -> Reply {
    let report = &answer.report;
    let value = match &report.outcome {
        Outcome::Completed(value) | Outcome::Failed(value) => value.as_str(),
        Outcome::Trapped(_)
        | Outcome::OutOfFuel
        | Outcome::DeadlineExceeded
        | Outcome::MemoryLimit
        | Outcome::OutputLimit
        | Outcome::HostCallLimit
        | Outcome::Cancelled
        | Outcome::HostOverloaded => "",
    };
    let chunks = answer.chunks.iter().fold(0_usize, |sum, chunk| sum.saturating_add(chunk.len()));
    // The value stands there twice, once in quotation marks.
    let files = report
        .files
        .iter()
        .map(|file| file.contents.as_ref().map_or(0, Vec::len).saturating_mul(3).div_euclid(2));
    let chunks = files.fold(chunks, usize::saturating_add);
    let size = value.len().saturating_mul(5).div_euclid(2).saturating_add(chunks).saturating_add(768);
    Reply::result(id, size, |out| {
        begin(out, form.typed);
        for chunk in &answer.chunks {
            block(out, chunk);
        }
        let error = match &report.outcome {
            Outcome::Completed(_) => {
                block(out, value);
                false
            }
            Outcome::Failed(_) => {
                block(out, value);
                true
            }
            outcome @ (Outcome::Trapped(_)
            | Outcome::OutOfFuel
            | Outcome::DeadlineExceeded
            | Outcome::MemoryLimit
            | Outcome::OutputLimit
            | Outcome::HostCallLimit
            | Outcome::Cancelled
            | Outcome::HostOverloaded) => {
                block(out, &explain(outcome, report));
                if let Some(log) = ending(report) {
                    block(out, &log);
                }
                true
            }
        };
        report.files.iter().for_each(|returned| file(out, returned));
        out.push(b']');
        if !error {
            out.extend_from_slice(b",\"structuredContent\":");
            out.extend_from_slice(if form.wrap { b"{\"result\":" } else { b"" });
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(if form.wrap { b"}" } else { b"" });
        }
        end(out, error);
        out.extend_from_slice(b"{\"io.ringfence/report\":{\"run\":");
        json(out, &report.run);
        out.extend_from_slice(b",\"outcome\":\"");
        out.extend_from_slice(report.outcome.name().as_bytes());
        out.extend_from_slice(b"\",\"usage\":");
        json(out, &report.usage);
        if !report.denied.is_empty() {
            out.extend_from_slice(b",\"denied\":");
            json(out, &report.denied);
        }
        out.extend_from_slice(b"}}}");
    })
}

fn begin(out: &mut Vec<u8>, typed: bool) {
    out.extend_from_slice(if typed { b"{\"resultType\":\"complete\"," } else { b"{" });
    out.extend_from_slice(b"\"content\":[");
}

fn end(out: &mut Vec<u8>, error: bool) {
    out.extend_from_slice(if error {
        b",\"isError\":true,\"_meta\":"
    } else {
        b",\"isError\":false,\"_meta\":"
    });
}

/// Appends a block of content.
fn block(out: &mut Vec<u8>, text: &str) {
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
    json(out, text);
    out.push(b'}');
}

/// Appends a file: an embedded resource, or a text if it is too large.
fn file(out: &mut Vec<u8>, file: &ReturnedFile) {
    let Some(contents) = &file.contents else {
        let path = text::clean(&file.path, 512);
        let size = file.size;
        return block(
            out,
            &format!("the file `{path}` has {size} bytes, more than is returned; raise `return_bytes`"),
        );
    };
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"type\":\"resource\",\"resource\":{\"uri\":\"ringfence-file:///");
    for byte in file.path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out.extend_from_slice(b"\",\"mimeType\":\"application/octet-stream\",\"blob\":\"");
    out.extend_from_slice(STANDARD.encode(contents).as_bytes());
    out.extend_from_slice(b"\"}}");
}

/// Maximum lines and bytes of the log in a response.
const LOG_LINES: usize = 40;
const LOG_BYTES: usize = 8 << 10;

/// Returns the end of a run's log, up to the maximum of a response.
pub(super) fn ending(report: &Report) -> Option<String> {
    let lines = report.log.len();
    let mut left = LOG_BYTES;
    let mut shown = Vec::new();
    for line in report.log.iter().rev().take(LOG_LINES) {
        let text: String = line.message.chars().map(harmless).collect();
        let Some(rest) = left.checked_sub(text.len()) else { break };
        left = rest;
        shown.push(format!("{}: {text}", line.level));
    }
    if shown.is_empty() {
        return None;
    }
    let what = if shown.len() == lines {
        "log:".to_owned()
    } else {
        format!("last {} of {lines} log lines:", shown.len())
    };
    shown.push(what);
    shown.reverse();
    if report.usage.log_dropped > 0 {
        shown.push(format!(
            "({} more lines were dropped or cut; the limit is {} lines and {})",
            number(report.usage.log_dropped),
            number(report.limits.log_lines.into()),
            size(report.limits.log_size)
        ));
    }
    Some(shown.join("\n"))
}

/// Replaces a character of guest text that could affect a display. Keeps line breaks and tabs.
fn harmless(c: char) -> char {
    if matches!(c, '\n' | '\t') || !text::is_unsafe(c) { c } else { '\u{FFFD}' }
}

/// Explains an outcome: what was reached, the limit and the usage, and what to do.
fn explain(outcome: &Outcome, report: &Report) -> String {
    let (usage, limits) = (&report.usage, &report.limits);
    let memory = || {
        format!(
            "memory limit {}, peak {}; table limit {} elements, peak {}",
            size(limits.memory),
            size(usage.peak_memory),
            number(limits.table_elements),
            number(usage.peak_table_elements)
        )
    };
    let text = match outcome {
        Outcome::Completed(_) | Outcome::Failed(_) => String::new(),
        Outcome::Trapped(trap) => {
            let mut text = format!("trapped ({}): {}", trap.code, trap.message);
            if trap.growth_refused {
                text.push_str(&format!(
                    "; the memory limit refused a growth before ({}); try a smaller request",
                    memory()
                ));
            }
            return text;
        }
        Outcome::OutOfFuel => format!(
            "fuel limit reached ({} units, used {}); try a smaller request",
            number(limits.fuel),
            number(usage.fuel)
        ),
        Outcome::DeadlineExceeded => format!(
            "deadline reached ({}, ran {}); try a smaller request",
            time(limits.deadline),
            time(usage.wall)
        ),
        Outcome::MemoryLimit => format!("{}; try a smaller request", memory()),
        Outcome::OutputLimit => format!(
            "output limit reached ({}, wrote {}); request a part of the result",
            size(limits.output_size),
            size(usage.output_bytes)
        ),
        Outcome::HostCallLimit => format!(
            "host call limit reached ({} calls, made {}); try a smaller request",
            number(limits.host_calls),
            number(usage.host_calls)
        ),
        Outcome::Cancelled => format!("the run was cancelled after {}", time(usage.wall)),
        Outcome::HostOverloaded => "the server ran out of memory during the run; try again in 1 s".to_owned(),
    };
    format!("{}: {text}", outcome.name())
}

/// Formats `1234567` as `1,234,567`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats bytes in the largest unit that shows them exactly.
fn size(bytes: u64) -> String {
    let whole = |shift: u32| bytes >= 1 << shift && bytes.trailing_zeros() >= shift;
    if whole(20) {
        format!("{} MiB", number(bytes >> 20))
    } else if whole(10) {
        format!("{} KiB", number(bytes >> 10))
    } else {
        format!("{} bytes", number(bytes))
    }
}

/// Formats a time, in seconds from one second on.
fn time(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    let seconds = time.as_secs_f64();
    if millis.is_multiple_of(1_000) { format!("{seconds:.0} s") } else { format!("{seconds:.3} s") }
}

/// Returns the response for a refusal: a result that an agent can act on, or a protocol error.
pub(super) fn refused(id: &Id, error: &ServeError, form: Form) -> Reply {
    error.log();
    let data = || Some(json!({"code": error.code()}));
    // What the caller named is not there, or its program asks for what it cannot have.
    let named = matches!(
        error,
        ServeError::NoSuchTool(_)
            | ServeError::Request(
                RequestError::NoSuchSkill(_) | RequestError::Run(RunError::NoSuchTool { .. })
            )
    );
    let limits =
        matches!(error, ServeError::Request(RequestError::BadLimit(_) | RequestError::LimitRaised { .. }));
    if named || limits {
        let reply = Reply::error(Some(id), &ErrorData::invalid_params(error.detail(), data()));
        return if limits { reply.with_status(error.status()) } else { reply };
    }
    if error.is_internal() {
        return Reply::error(Some(id), &ErrorData::internal_error(error.detail(), data()));
    }
    Reply::result(id, 512, |out| {
        begin(out, form.typed);
        block(out, &with_retry(error));
        out.push(b']');
        end(out, true);
        let retry = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let told = json!({"code": error.code(), "pointer": error.pointer(), "retryAfterMs": retry});
        out.extend_from_slice(b"{\"io.ringfence/error\":");
        json(out, &told);
        out.extend_from_slice(b"}}");
    })
}

/// Returns the text of a refusal, and when to try again.
pub(super) fn with_retry(error: &ServeError) -> String {
    let detail = error.detail();
    // A quota's words say it already.
    let retry = error.retry_after().filter(|_| !matches!(error, ServeError::Quota(_)));
    match retry {
        // Up to whole milliseconds, so that who comes then does not come early.
        Some(wait) => format!("{detail}; try again in {}", time(wait.max(Duration::from_millis(1)))),
        None => detail,
    }
}
