//! The host's state of one run: its budgets, its log, and why the host stopped it.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::capability::{Bodies, Swaps};
use crate::digest::Digest;
use crate::error::RunError;
use crate::event::Event;
use crate::grants::{Capability, CapabilityUsage, DENIALS, Denial, DenialKind, Granted, ScratchGrant, Spent};
use crate::limiter::Limiter;
use crate::limits::{LOG_LINE_BYTES, Limits};
use crate::report::{Level, LogLine, RunId, Source};
use crate::wasi::{Files, Wasi};

/// Fuel between two yields of a busy guest, host calls included: about 3 to 50 µs of work.
pub(crate) const YIELD: u64 = 100_000;

/// The data of a run's store, on the heap, because the engine moves a store's data several times.
pub(crate) struct GuestState(Box<RunState>);

/// The host's state of one run.
pub(crate) struct RunState {
    pub(crate) run: RunId,
    pub(crate) limiter: Limiter,
    pub(crate) log: Log,
    pub(crate) host_calls: Budget,
    pub(crate) output: Budget,
    pub(crate) deadline: Instant,
    pub(crate) events: Option<UnboundedSender<Event>>,
    pub(crate) context: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) skill: Digest,
    pub(crate) granted: Granted,
    pub(crate) capabilities: CapabilityUsage,
    pub(crate) denied: Vec<Denial>,
    pub(crate) bodies: Bodies,
    pub(crate) swaps: Swaps,
    pub(crate) wasi: Wasi,
    /// The run's files, from their first use.
    pub(crate) scratch: Option<Box<Files>>,
    /// Fuel left when a host call last yielded.
    pub(crate) yielded_at: u64,
    /// Fuel of host calls that are not charged yet.
    pub(crate) owed_fuel: u64,
    /// Why the host ends the run. The first reason stays.
    pub(crate) stop: Option<Stop>,
}

/// A reason for which the host ends a run.
#[derive(Debug)]
pub(crate) enum Stop {
    Fuel,
    HostCalls,
    Output,
    /// A trap of a host function, with its code and a text.
    Trap(&'static str, String),
    /// No run: the host or the embedder failed.
    Fault(RunError),
}

impl Deref for GuestState {
    type Target = RunState;

    fn deref(&self) -> &RunState {
        &self.0
    }
}

impl DerefMut for GuestState {
    fn deref_mut(&mut self) -> &mut RunState {
        &mut self.0
    }
}

impl GuestState {
    pub(crate) fn new(state: RunState) -> Self {
        Self(Box::new(state))
    }
}

impl RunState {
    /// Ends the run for `reason`. Return the error from the host function.
    pub(crate) fn stop(&mut self, reason: Stop) -> wasmtime::Error {
        self.stop.get_or_insert(reason);
        wasmtime::Error::msg("stopped by the host")
    }

    /// Counts a call from the guest. Every host function begins with it.
    pub(crate) fn count_call(&mut self) -> wasmtime::Result<()> {
        if self.host_calls.spend(1) { Ok(()) } else { Err(self.stop(Stop::HostCalls)) }
    }

    /// Makes the scratch files of a run that is granted some. Does nothing for another run, or if they exist.
    pub(crate) fn begin_scratch(&mut self) {
        if let ScratchGrant::Files(caps) = self.granted.scratch
            && self.scratch.is_none()
        {
            let now = self.wasi.now();
            self.scratch = Some(Box::new(Files::new(caps, now)));
        }
    }

    /// Adds what a call of a capability took.
    pub(crate) fn spend(&mut self, capability: Capability, spent: Spent) {
        self.capabilities.of(capability).add(spent);
    }

    /// Keeps why a call was denied, for the operator.
    pub(crate) fn deny(&mut self, capability: Capability, wanted: &str, kind: DenialKind, reason: &str) {
        if self.denied.len() >= DENIALS {
            return;
        }
        let wanted = crate::text::clean(wanted, 512);
        if !self.denied.iter().any(|denial| denial.capability == capability && denial.wanted == wanted) {
            self.denied.push(Denial { capability, wanted, kind, reason: crate::text::clean(reason, 512) });
        }
    }

    /// Counts bytes that go to the caller before the result.
    pub(crate) fn count_output(&mut self, bytes: u64) -> wasmtime::Result<()> {
        if self.output.spend(bytes) { Ok(()) } else { Err(self.stop(Stop::Output)) }
    }

    /// Sends an event to the listener, if any. The limits on calls, log and output bound the number of events.
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

/// A budget that a run spends and never gets back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { used: 0, limit }
    }

    /// Spends an amount. False, and nothing spent, if the rest is too small.
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

/// The kept lines of a run's log, and the number of dropped ones.
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
            bytes: Budget::new(limits.log_size),
            dropped: 0,
        }
    }

    /// Keeps a line, cut at 4 KiB, if the limits allow it. `cut` means that it was cut before.
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
