//! `wasi:clocks`: a clock of one millisecond, or a fixed clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use super::io::{Pollable, Ready, Timer, pollable, pollable_resource};
use super::wasi;
use crate::capability::{Registry, Transfer};
use crate::error::HostError;
use crate::state::GuestState;

/// The clocks of a run. Default: [`Clock::Real`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Clock {
    /// The host's clocks, cut to a millisecond, because fine clocks help attacks on shared hardware.
    #[default]
    Real,
    /// A clock that begins at this time after 1970 and advances by a millisecond with each reading.
    ///
    /// A wait ends at once and advances the clock by its time. A run then repeats exactly. A wait for a timer or the
    /// host, such as for a response, waits for the host.
    Fixed(Duration),
}

const TICK: Duration = Duration::from_millis(1);
const TICK_NANOS: u64 = 1_000_000;

/// The monotonic clock's time when a run begins. Not zero, because Go takes that for a broken clock.
const ORIGIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct RunClock {
    clock: Clock,
    started: Instant,
    deadline: Duration,
    /// The advance of a fixed clock.
    moved: Duration,
}

impl RunClock {
    pub(super) fn new(clock: Clock, started: Instant, deadline: Duration) -> Self {
        Self { clock, started, deadline, moved: Duration::ZERO }
    }

    /// Returns the time since a second before the run began.
    fn monotonic(&mut self) -> Duration {
        let since = match self.clock {
            Clock::Real => coarse(self.started.elapsed()),
            Clock::Fixed(_) => self.step(),
        };
        ORIGIN.saturating_add(since)
    }

    /// Advances a fixed clock by one reading.
    fn step(&mut self) -> Duration {
        self.moved = self.moved.saturating_add(TICK);
        self.moved
    }

    /// Returns the time since 1970.
    pub(super) fn wall(&mut self) -> Duration {
        match self.clock {
            Clock::Real => coarse(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            Clock::Fixed(start) => start.saturating_add(self.step()),
        }
    }

    /// Returns when something for the time `at` is ready; with a fixed clock, now.
    pub(super) fn ready_at(&mut self, at: Duration) -> Option<Instant> {
        match self.clock {
            // Too far to be reached: the deadline comes before it.
            Clock::Real => self
                .started
                .checked_add(at.saturating_sub(ORIGIN))
                .or_else(|| self.started.checked_add(self.deadline)),
            Clock::Fixed(_) => None,
        }
    }

    /// Advances a fixed clock to the end of a wait.
    pub(super) fn reach(&mut self, at: Duration) {
        if let Clock::Fixed(_) = self.clock {
            self.moved = self.moved.max(at.saturating_sub(ORIGIN));
        }
    }

    pub(super) fn coarse_left(&self, left: Duration) -> u64 {
        let left = match self.clock {
            Clock::Real => left,
            Clock::Fixed(_) => self.deadline.saturating_sub(self.moved),
        };
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
    }
}

fn coarse(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Transfer for Datetime {}

impl From<Duration> for Datetime {
    fn from(time: Duration) -> Self {
        Self { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() }
    }
}

impl From<Datetime> for Duration {
    fn from(time: Datetime) -> Self {
        Self::from_secs(time.seconds).saturating_add(Self::from_nanos(time.nanoseconds.into()))
    }
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    let mut monotonic = registry.interface(wasi!("clocks/monotonic-clock"))?;
    pollable_resource(&mut monotonic)?;
    monotonic
        .func("now", |mut store, (): ()| Ok((nanos(store.data_mut().wasi.clock.monotonic()),)))?
        .func("resolution", |_, (): ()| Ok((TICK_NANOS,)))?
        .func("subscribe-instant", |mut store, (at,): (u64,)| {
            Ok((timer(store.data_mut(), Duration::from_nanos(at))?,))
        })?
        .func("subscribe-duration", |mut store, (wait,): (u64,)| {
            let state = store.data_mut();
            let now = state.wasi.clock.monotonic();
            Ok((timer(state, now.saturating_add(Duration::from_nanos(wait)))?,))
        })?;
    registry
        .interface(wasi!("clocks/wall-clock"))?
        .func("now", |mut store, (): ()| Ok((Datetime::from(store.data_mut().wasi.clock.wall()),)))?
        .func("resolution", |_, (): ()| Ok((Datetime::from(TICK),)))?;
    registry.interface(wasi!("clocks/timezone"))?.refuse(&["display", "utc-offset"])?;
    Ok(())
}

fn timer(state: &mut GuestState, at: Duration) -> wasmtime::Result<Resource<Pollable>> {
    let ready = state.wasi.clock.ready_at(at);
    pollable(state, Ready::Timer(Timer { at, ready }))
}
