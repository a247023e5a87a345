//! Waits for input without sleep for a moment, and then with sleep.
//!
//! An agent that calls one tool after another sends its next call within microseconds. Putting a core to sleep and
//! waking it takes longer, in a virtual machine several times as long.

use std::io::Read;
use std::os::fd::AsFd;
use std::thread::{available_parallelism, yield_now};
use std::time::{Duration, Instant};

/// Maximum time that a reader waits without sleep.
const AWAKE: Duration = Duration::from_micros(60);

/// A reader of `R` that first waits without sleep.
#[derive(Debug)]
pub(crate) struct Eager<R> {
    input: R,
    /// Time to wait without sleep; zero on a machine with one core.
    awake: Duration,
}

impl<R: Read + AsFd> Eager<R> {
    pub(crate) fn new(input: R) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { input, awake: if cores > 1 { AWAKE } else { Duration::ZERO } }
    }
}

impl<R: Read + AsFd> Read for Eager<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let begun = Instant::now();
        // At the end of the input, and where the system does not tell, the read returns at once.
        while matches!(rustix::io::ioctl_fionread(&self.input), Ok(0)) && begun.elapsed() < self.awake {
            yield_now();
        }
        self.input.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write as _, pipe};

    use super::*;

    #[test]
    fn input_arrives_whole_and_ends() {
        let (reader, mut writer) = pipe().expect("a pipe");
        let mut eager = Eager::new(reader);
        writer.write_all(b"one").expect("room");
        let mut buffer = [0; 8];
        assert_eq!(eager.read(&mut buffer).expect("there"), 3);
        let late = std::thread::spawn(move || writer.write_all(b"two"));
        let mut rest = Vec::new();
        eager.read_to_end(&mut rest).expect("the end");
        late.join().expect("joined").expect("written");
        assert_eq!(rest, b"two");
    }
}
