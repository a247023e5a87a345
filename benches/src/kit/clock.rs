//! CPU time of a thread, of this process and of another one; wall time.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Ticks a second in `/proc/PID/stat`: the same on every Linux that Ringfence runs on.
const TICKS: f64 = 100.0;

/// Seconds of CPU that this thread spent, and what the work returned.
pub(crate) fn thread_cpu<T>(work: impl FnOnce() -> T) -> (f64, T) {
    beside(ClockId::ThreadCPUTime, work)
}

/// Seconds of CPU that this whole process spent, and what the work returned.
pub(crate) fn process_cpu<T>(work: impl FnOnce() -> T) -> (f64, T) {
    beside(ClockId::ProcessCPUTime, work)
}

/// Seconds that passed, and what the work returned.
pub(crate) fn wall<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let done = work();
    (begun.elapsed().as_secs_f64(), done)
}

/// Seconds of CPU that another process has spent so far, in steps of 10 ms.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    ticks(&text).expect("the fields of proc_pid_stat(5)") / TICKS
}

/// `utime` and `stime`. The name before them may hold anything but ends with the last parenthesis.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
}

fn beside<T>(clock: ClockId, work: impl FnOnce() -> T) -> (f64, T) {
    let before = clock_gettime(clock);
    let done = work();
    let after = clock_gettime(clock);
    let seconds = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
    (seconds, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b) 3) S 1 7 7 0 -1 4194560 1 2 3 4 250 30 5 6 20 0 4 0 100 1 2";
        assert_eq!(ticks(stat), Some(280.0));
        assert_eq!(ticks("7 (a) S"), None);
    }
}
