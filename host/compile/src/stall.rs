//! Detects a child that gets no CPU time, from the CPU time that the system reports.

use std::time::{Duration, Instant};

/// Interval at which a child's CPU time is read.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// Factor on the limit if the system does not report CPU time; then wall time counts.
const BLIND: u32 = 20;

/// Milliseconds of a clock tick, as Linux reports it on every architecture that the engine supports.
#[cfg(target_os = "linux")]
const TICK_MILLIS: u64 = 10;

/// The last change of a child's CPU time.
#[derive(Debug)]
pub(crate) struct Stall {
    limit: Duration,
    cpu: Option<Duration>,
    since: Instant,
}

impl Stall {
    pub(crate) fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, cpu: None, since: now }
    }

    /// Takes the current CPU time, if known, and returns whether it has not changed for the limit.
    pub(crate) fn is_over(&mut self, now: Instant, cpu: Option<Duration>) -> bool {
        if cpu > self.cpu {
            self.cpu = cpu;
            self.since = now;
        }
        let limit = if self.cpu.is_some() { self.limit } else { self.limit.saturating_mul(BLIND) };
        now.saturating_duration_since(self.since) >= limit
    }
}

/// Returns the CPU time of a process over all of its threads, to a clock tick.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = ticks(&stat)?;
    Some(Duration::from_millis(ticks.saturating_mul(TICK_MILLIS)))
}

/// Returns none on other systems.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time(_pid: u32) -> Option<Duration> {
    None
}

/// Adds the 14th and the 15th field. The second field is a name in brackets, which may contain anything.
#[cfg(any(target_os = "linux", test))]
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    user.checked_add(system)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);
    const TICK: Duration = Duration::from_millis(10);

    #[test]
    fn a_slow_child_is_never_stopped_as_stalled() {
        let begun = Instant::now();
        let mut stall = Stall::new(LIMIT, begun);
        let mut cpu = Duration::ZERO;
        for minute in 1..10_000 {
            cpu += TICK;
            assert!(!stall.is_over(begun + LIMIT * minute, Some(cpu)));
        }
    }

    #[test]
    fn a_stalled_child_is_stopped_exactly_at_the_limit() {
        let begun = Instant::now();
        let mut stall = Stall::new(LIMIT, begun);
        assert!(!stall.is_over(begun + TICK, Some(TICK)));
        assert!(!stall.is_over(begun + LIMIT, Some(TICK)));
        assert!(stall.is_over(begun + LIMIT + TICK, Some(TICK)));
    }

    #[test]
    fn a_child_of_unknown_cpu_time_has_a_longer_limit() {
        let begun = Instant::now();
        let mut stall = Stall::new(LIMIT, begun);
        assert!(!stall.is_over(begun + LIMIT * BLIND - TICK, None));
        assert!(stall.is_over(begun + LIMIT * BLIND, None));
    }

    #[test]
    fn the_fields_are_those_of_cpu_time_whatever_the_name_is() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20 10 1 0 5 0 0";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_time_of_a_process_that_works_goes_up() {
        let before = cpu_time(std::process::id()).expect("it is told");
        let mut state = 1_u64;
        // Ends when the kernel has counted a tick, however long that takes.
        while cpu_time(std::process::id()).expect("it is told") == before {
            for _ in 0..100_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            }
            std::hint::black_box(state);
        }
    }
}
