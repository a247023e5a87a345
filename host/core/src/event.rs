//! Events of a run, before its report.

use serde::Serialize;

use crate::report::LogLine;

/// An event that a guest sent before its result. Guest text is data, never a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A log line that the limits kept.
    Log(LogLine),
    /// `progress.report`
    Progress {
        /// Amount done.
        done: u64,
        /// Total amount, if known.
        total: Option<u64>,
        /// Description of the current work; can be empty.
        note: String,
    },
    /// `progress.emit`: a chunk of output, ahead of the result.
    Chunk(String),
}
