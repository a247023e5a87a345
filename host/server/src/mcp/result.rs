//! Outcome → MCP result. Public API: how each way to end reaches an agent.
//!
//! | outcome | `isError` | content |
//! |---|---|---|
//! | `completed` | false | the chunks, then the value as JSON text; the value as `structuredContent` |
//! | `failed` | true | the chunks, then the tool's error as JSON text |
//! | `trapped` | true | `trapped (CODE)` and the engine's words |
//! | all others | true | the outcome's name, and what it means |
//!
//! `_meta` has `io.ringfence/report`: run, outcome, usage. What is no run but an agent can do something about (input
//! that does not fit, a quota, a full server) is `isError` as well, with `io.ringfence/error`; what it cannot is a
//! JSON-RPC error.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use ringfence::{Json, Outcome, Ran, RunError};
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};

use crate::error::ServeError;
use crate::http::problem;

const REPORT: &str = "io.ringfence/report";
const ERROR: &str = "io.ringfence/error";

/// The result for a run, whose value stands in an object if `wrap`.
pub(super) fn of(answer: &Ran, wrap: bool) -> CallToolResult {
    let report = &answer.report;
    let mut content: Vec<ContentBlock> = answer.chunks.iter().map(ContentBlock::text).collect();
    let mut result = match &report.outcome {
        Outcome::Completed(value) => {
            content.push(ContentBlock::text(value.as_str()));
            let mut result = CallToolResult::success(content);
            result.structured_content = Some(structured(value, wrap));
            result
        }
        Outcome::Failed(failure) => {
            content.push(ContentBlock::text(failure.as_str()));
            CallToolResult::error(content)
        }
        outcome @ (Outcome::Trapped(_)
        | Outcome::OutOfFuel
        | Outcome::DeadlineExceeded
        | Outcome::MemoryLimit
        | Outcome::OutputLimit
        | Outcome::HostCallLimit
        | Outcome::Cancelled
        | Outcome::HostOverloaded) => {
            content.push(ContentBlock::text(explain(outcome)));
            CallToolResult::error(content)
        }
    };
    let mut meta = MetaObject::default();
    meta.0.insert(
        REPORT.to_owned(),
        json!({"run": report.run, "outcome": report.outcome.name(), "usage": report.usage}),
    );
    result.meta = Some(meta);
    result
}

fn structured(value: &Json, wrap: bool) -> Value {
    let value = value.to_value();
    if wrap { json!({"result": value}) } else { value }
}

fn explain(outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Completed(_) | Outcome::Failed(_) => "",
        Outcome::Trapped(trap) => return format!("trapped ({}): {}", trap.code, trap.message),
        Outcome::OutOfFuel => "it did more work than it may; ask for less",
        Outcome::DeadlineExceeded => "it took longer than it may; ask for less",
        Outcome::MemoryLimit => "it needed more memory than it may; ask for less",
        Outcome::OutputLimit => "its answer was larger than it may be; ask for less",
        Outcome::HostCallLimit => "it called the host more often than it may; ask for less",
        Outcome::Cancelled => "it was cancelled",
        Outcome::HostOverloaded => "the server ran out of memory; try again",
    };
    format!("{}: {text}", outcome.name())
}

/// What is no run: a result that an agent can read, or an error of the protocol.
pub(super) fn refused(error: &ServeError) -> Result<CallToolResult, ErrorData> {
    problem::log(error);
    let data = || Some(json!({"code": error.code()}));
    // What the caller named is not there.
    if matches!(
        error,
        ServeError::NoSuchTool(_) | ServeError::NoSuchSkill(_) | ServeError::Run(RunError::NoSuchTool { .. })
    ) {
        return Err(ErrorData::invalid_params(error.detail(), data()));
    }
    if error.is_internal() {
        return Err(ErrorData::internal_error(error.detail(), data()));
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(error.detail())]);
    let mut meta = MetaObject::default();
    let retry = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    meta.0.insert(
        ERROR.to_owned(),
        json!({"code": error.code(), "pointer": error.pointer(), "retryAfterMs": retry}),
    );
    result.meta = Some(meta);
    Ok(result)
}
