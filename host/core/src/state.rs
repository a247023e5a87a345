//! What the host keeps for one run: its budgets, its log, and why it was stopped.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::error::RunError;
use crate::event::Event;
use crate::limiter::Limiter;
use crate::limits::{LOG_LINE_BYTES, Limits};
use crate::report::{Level, LogLine, RunId, Source};
use crate::wasi::Wasi;

/// The data of a run's store.
pub(crate) struct GuestState {
    pub(crate) run: RunId,
    pub(crate) limiter: Limiter,
    pub(crate) log: Log,
    pub(crate) host_calls: Budget,
    pub(crate) output: Budget,
    pub(crate) deadline: Instant,
    pub(crate) events: Option<UnboundedSender<Event>>,
    pub(crate) context: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) wasi: Wasi,
    /// Fuel left when a host call last yielded.
    pub(crate) yielded_at: u64,
    /// Fuel of host calls that were not charged yet.
    pub(crate) owed_fuel: u64,
    /// Why the run ends, when a rule of ours ends it. The first reason stays.
    pub(crate) stop: Option<Stop>,
}

/// A rule of ours that ends a run.
#[derive(Debug)]
pub(crate) enum Stop {
    Fuel,
    HostCalls,
    Output,
    /// A trap that a host function raises, with its code and a text of ours.
    Trap(&'static str, String),
    /// Not a run: the host or the embedder failed.
    Fault(RunError),
}

impl GuestState {
    /// Ends the run for `reason`: to be returned from a host function.
    pub(crate) fn stop(&mut self, reason: Stop) -> wasmtime::Error {
        self.stop.get_or_insert(reason);
        wasmtime::Error::msg("stopped by the host")
    }

    /// Counts a call from the guest; every host function begins with it.
    pub(crate) fn count_call(&mut self) -> wasmtime::Result<()> {
        if self.host_calls.spend(1) { Ok(()) } else { Err(self.stop(Stop::HostCalls)) }
    }

    /// Counts bytes that go to the caller before the result.
    pub(crate) fn count_output(&mut self, bytes: u64) -> wasmtime::Result<()> {
        if self.output.spend(bytes) { Ok(()) } else { Err(self.stop(Stop::Output)) }
    }

    /// Tells whoever listens. The number of events is bounded by the limits on calls, log and output.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(events) = &self.events {
            // Nobody listens any more: the run goes on for its report.
            let _ = events.send(event());
        }
    }

    pub(crate) fn log(&mut self, level: Level, source: Source, text: &str, cut: bool) {
        if let Some(line) = self.log.push(level, source, text, cut) {
            let line = line.clone();
            self.tell(|| Event::Log(line));
        }
    }
}

/// Something that is spent and never given back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { used: 0, limit }
    }

    /// False, and nothing spent, when it is more than what is left.
    pub(crate) fn spend(&mut self, amount: u64) -> bool {
        match self.used.checked_add(amount) {
            Some(used) if used <= self.limit => {
                self.used = used;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The lines kept of a run's log, and how many were not.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) lines: Vec<LogLine>,
    count: Budget,
    pub(crate) bytes: Budget,
    pub(crate) dropped: u64,
}

impl Log {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            count: Budget::new(limits.log_lines.into()),
            bytes: Budget::new(limits.log_bytes),
            dropped: 0,
        }
    }

    /// Keeps a line, cut at 4 KiB, if there is room. `cut` says that it was cut before already.
    fn push(&mut self, level: Level, source: Source, text: &str, cut: bool) -> Option<&LogLine> {
        let end = text.floor_char_boundary(LOG_LINE_BYTES);
        let message = text.get(..end)?;
        if self.count.left() == 0 || !self.bytes.spend(message.len() as u64) {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        self.count.spend(1);
        if cut || end < text.len() {
            self.dropped = self.dropped.saturating_add(1);
        }
        self.lines.push(LogLine { level, source, message: message.to_owned() });
        self.lines.last()
    }
}
