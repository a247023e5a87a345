//! WASI 0.2, empty: what standard libraries import is there, and nothing stands behind it.
//!
//! - `wasi:cli`: no arguments, no environment, closed stdin, no terminal; stdout and stderr go to the
//!   report's log; `exit` ends the run.
//! - `wasi:clocks`: a clock of 1 ms; fixed, it moves only by being read and waited for.
//! - `wasi:random`: ChaCha20 from the operating system's seed, or from the caller's.
//! - `wasi:io`: what the above need; waits are under the run's deadline.
//! - `wasi:filesystem`, `wasi:sockets`, `wasi:http`: functions that answer their error or trap, over
//!   resources that nobody can make.
//!
//! All of it is in this folder: no crate that could open a file or a socket is linked for it. Every
//! call is counted.

mod cli;
mod clocks;
mod io;
mod random;
mod stubs;

use std::time::{Duration, Instant};

use crate::capability::Registry;
use crate::error::HostError;
use crate::report::Source;
use clocks::RunClock;
pub(crate) use io::{InputStream, IoError, OutputStream, Pollable};
use io::{LineBuffer, Timers};
use random::Randomness;
pub(crate) use stubs::Nothing;

pub use clocks::Clock;

/// The version under which the interfaces are linked; every 0.2.x of a skill fits.
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
    stubs::link(registry)
}

/// What WASI keeps for one run. Making it costs nothing: every part begins at its first use.
#[derive(Debug)]
pub(crate) struct Wasi {
    clock: RunClock,
    random: Randomness,
    timers: Timers,
    stdout: LineBuffer,
    stderr: LineBuffer,
}

impl Wasi {
    pub(crate) fn new(clock: Clock, seed: Option<u64>, started: Instant, deadline: Duration) -> Self {
        Self {
            clock: RunClock::new(clock, started, deadline),
            random: Randomness::new(seed),
            timers: Timers::default(),
            stdout: LineBuffer::new(Source::Stdout),
            stderr: LineBuffer::new(Source::Stderr),
        }
    }

    /// Milliseconds left to the run, as its clock tells it.
    pub(crate) fn coarse_left(&self, left: Duration) -> u64 {
        self.clock.coarse_left(left)
    }

    /// The unfinished last lines of stdout and stderr.
    pub(crate) fn take_rest(&mut self) -> [Option<io::Line>; 2] {
        [self.stdout.take(), self.stderr.take()]
    }
}
