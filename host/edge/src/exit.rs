//! Exit codes: the same as those of `ringfence`. A test holds that they are.

// A new variant must be decided upon here, not fall into a catch-all.
#![warn(clippy::wildcard_enum_match_arm)]

use ringfence::{Fault, Outcome};

/// The command line is wrong, or a file that it names.
pub(crate) const USAGE: u8 = 2;
/// The bundle was refused.
pub(crate) const REFUSED: u8 = 3;
/// The call was refused.
pub(crate) const CALL: u8 = 4;
/// The host failed.
pub(crate) const FAULT: u8 = 5;
/// The host is full.
pub(crate) const FULL: u8 = 6;

/// The code of an outcome.
pub(crate) fn of_outcome<T>(outcome: &Outcome<T>) -> u8 {
    match outcome {
        Outcome::Completed(_) => 0,
        Outcome::Failed(_) => 1,
        Outcome::Trapped(_) => 10,
        Outcome::OutOfFuel => 11,
        Outcome::DeadlineExceeded => 12,
        Outcome::MemoryLimit => 13,
        Outcome::OutputLimit => 14,
        Outcome::HostCallLimit => 15,
        Outcome::Cancelled => 16,
        Outcome::HostOverloaded => 17,
    }
}

/// The code of a call that was not a run, by whose fault it is.
pub(crate) fn of_fault(fault: Fault) -> u8 {
    match fault {
        Fault::Author => REFUSED,
        Fault::Caller => CALL,
        Fault::Host => FAULT,
        Fault::Load => FULL,
    }
}
