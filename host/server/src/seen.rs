//! The log record of each call, however it ends: caller, skill and tool, outcome, cost.
//!
//! A record never has arguments or results. Text of a caller or guest is only the value of a field.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::{Report, RunId, text};

use crate::catalog::Ready;
use crate::error::ServeError;
use crate::principal::Principal;

/// The entry point of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `POST /v1/…`, answered with the report.
    Api,
    /// `POST /v1/…`, answered with a stream of events.
    Stream,
    /// MCP over HTTP.
    Mcp,
    /// MCP on standard input and output.
    Stdio,
}

impl Surface {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Stream => "stream",
            Self::Mcp => "mcp",
            Self::Stdio => "stdio",
        }
    }
}

/// A running call. It is recorded when it ends, or as cancelled when it is dropped before.
#[derive(Debug)]
pub(crate) struct Seen {
    token: Arc<str>,
    owner: Arc<str>,
    surface: Surface,
    /// The caller's reference, until the skill is found.
    skill: String,
    tool: String,
    found: Option<Arc<Ready>>,
    begun: Instant,
    recorded: bool,
}

/// Maximum bytes of a caller's text in a record.
const LONGEST: usize = 128;

impl Seen {
    pub(crate) fn new(principal: &Principal, surface: Surface, skill: &str, tool: &str) -> Self {
        Self {
            token: Arc::clone(&principal.id),
            owner: Arc::clone(principal.share_key()),
            surface,
            skill: text::clean(skill, LONGEST),
            tool: text::clean(tool, LONGEST),
            found: None,
            begun: Instant::now(),
            recorded: false,
        }
    }

    /// Records that the call streams events.
    pub(crate) fn streams(&mut self) {
        self.surface = Surface::Stream;
    }

    /// Records the skill, and the tool by its name in the library.
    pub(crate) fn found(&mut self, ready: &Arc<Ready>, tool: &str) {
        self.found = Some(Arc::clone(ready));
        self.tool = text::clean(tool, LONGEST);
    }

    /// Records the end of a run.
    pub(crate) fn ended(&mut self, report: &Report) {
        let (fuel, wall) = (report.usage.fuel, report.usage.wall);
        self.record(report.outcome.name(), None, Some(&report.run), Some(fuel), wall);
    }

    /// Records that the call began no run.
    pub(crate) fn refused(&mut self, error: &ServeError) {
        self.refused_with(error.code());
    }

    /// Records that the call began no run, with the code of the reason.
    pub(crate) fn refused_with(&mut self, code: &'static str) {
        self.record("refused", Some(code), None, None, self.begun.elapsed());
    }

    /// Records that the caller got the report of an earlier call.
    pub(crate) fn replayed(&mut self) {
        self.record("replayed", None, None, None, self.begun.elapsed());
    }

    fn record(
        &mut self,
        outcome: &'static str,
        code: Option<&'static str>,
        run: Option<&RunId>,
        fuel: Option<u64>,
        wall: Duration,
    ) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        let found = self.found.as_deref();
        tracing::info!(
            target: "ringfence::calls",
            token = &*self.token,
            owner = &*self.owner,
            surface = self.surface.name(),
            skill = found.map_or(self.skill.as_str(), |ready| ready.name.as_str()),
            version = found.map(|ready| ready.version.as_str()),
            tool = self.tool.as_str(),
            outcome,
            code,
            run = run.map(tracing::field::display),
            fuel,
            wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
            "call"
        );
    }
}

impl Drop for Seen {
    /// Records that the caller disconnected, if nothing else was recorded.
    fn drop(&mut self) {
        if !self.recorded {
            self.record("cancelled", None, None, None, self.begun.elapsed());
        }
    }
}
