//! What a run tells while it goes on.

use serde::Serialize;

use crate::report::LogLine;

/// Something that a guest said before its result. Guest text: data, never a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A line of log that was kept.
    Log(LogLine),
    /// `progress.report`
    Progress {
        /// How much is done.
        done: u64,
        /// Of how much, where that is known.
        total: Option<u64>,
        /// What is being done; may be empty.
        note: String,
    },
    /// `progress.emit`: a piece of output, ahead of the result.
    Chunk(String),
}
