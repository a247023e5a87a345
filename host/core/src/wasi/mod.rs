//! WASI 0.2: the imports of standard libraries exist, and nothing stands behind them without a grant.
//!
//! - `wasi:cli`: no arguments, no environment, closed stdin, no terminal; stdout and stderr go to the
//!   report's log; `exit` ends the run.
//! - `wasi:clocks`: a clock of 1 ms; a fixed one advances only by readings and waits.
//! - `wasi:random`: ChaCha20 from the operating system's seed, or from the caller's.
//! - `wasi:io`: what the others need; the run's deadline covers waits.
//! - `wasi:http`: requests through the run's grant; without one they are denied.
//! - `wasi:filesystem`: files in the memory of the run, if it is granted some; without them there is no directory.
//! - `wasi:sockets`: functions that return their error or trap, over resources that nothing can make.
//!
//! All of it is in this folder: the library links no crate for it that could open a file or a socket. Every
//! call counts.

mod cli;
mod clocks;
mod file;
mod filesystem;
mod http;
mod http_error;
mod io;
mod random;
mod stubs;
mod table;

use std::time::{Duration, Instant};

use crate::capability::Registry;
use crate::error::HostError;
use crate::state::GuestState;
use clocks::RunClock;
pub(crate) use file::Files;
use http::HttpState;
use io::Io;
use random::Randomness;
pub(crate) use stubs::{Nothing, take_back};

pub use clocks::Clock;

/// The version of the linked interfaces; every 0.2.x of a skill fits.
macro_rules! wasi {
    ($path:literal) => {
        concat!("wasi:", $path, "@0.2.12")
    };
}
use wasi;

pub(crate) fn link(registry: &mut Registry) -> Result<(), HostError> {
    io::link(registry)?;
    clocks::link(registry)?;
    random::link(registry)?;
    cli::link(registry)?;
    filesystem::link(registry)?;
    http::link(registry, stubs::link_incoming)?;
    stubs::link(registry)
}

/// WASI's state of one run. Creating it costs nothing, because every part begins at its first use.
#[derive(Debug)]
pub(crate) struct Wasi {
    clock: RunClock,
    random: Randomness,
    io: Io,
    http: HttpState,
}

impl Wasi {
    pub(crate) fn new(clock: Clock, seed: Option<u64>, started: Instant, deadline: Duration) -> Self {
        Self {
            clock: RunClock::new(clock, started, deadline),
            random: Randomness::new(seed),
            io: Io::default(),
            http: HttpState::default(),
        }
    }

    /// Returns the time since 1970, by the run's clock.
    pub(crate) fn now(&mut self) -> Duration {
        self.clock.wall()
    }

    /// Returns the milliseconds to the deadline, by the run's clock.
    pub(crate) fn coarse_left(&self, left: Duration) -> u64 {
        self.clock.coarse_left(left)
    }

    /// Counts what the run has not, as it ends.
    pub(crate) fn finish(state: &mut GuestState) {
        http::finish(state);
    }

    /// Takes the unfinished last lines of stdout and stderr.
    pub(crate) fn take_rest(&mut self) -> [Option<io::Line>; 2] {
        self.io.take_rest()
    }
}
