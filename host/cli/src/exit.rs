//! Exit codes: public API. Each outcome has one, each kind of refusal has one.

use std::process::ExitCode;

use ringfence::{Fault, Outcome};

/// What `--help` says about them.
pub(crate) const HELP: &str = "\
Exit codes:
   0  completed; done
   1  failed: the tool gave its own error
   2  the command line is wrong, or the configuration of a server
   3  the skill was refused: it cannot run here, the store does not take it, it may not run, or what its author says of it
      is wrong
   4  the call was refused: no such skill or tool, input that does not fit, a limit out of range
   5  the host failed: a file that cannot be read, a tool that is missing or failed, a fault
   6  the host is full
   7  `verify`, `doctor` or `test` found something wrong
  10  trapped
  11  out-of-fuel
  12  deadline-exceeded
  13  memory-limit
  14  output-limit
  15  host-call-limit
  16  cancelled
  17  host-overloaded";

/// The command line, or a configuration that it names, is wrong.
pub(crate) const USAGE: u8 = 2;
/// The skill was refused.
pub(crate) const REFUSED: u8 = 3;
/// The call was refused.
pub(crate) const CALL: u8 = 4;
/// The host failed.
pub(crate) const FAULT: u8 = 5;

/// The doctor found a limit that does not hold, a case did not come out as told, or something else is amiss.
pub(crate) const UNSOUND: u8 = 7;

/// The code of an outcome.
pub(crate) fn of_outcome<T>(outcome: &Outcome<T>) -> ExitCode {
    ExitCode::from(outcome.exit_code())
}

/// The code of a call that was not a run, by whose fault it is.
pub(crate) fn of_fault(fault: Fault) -> u8 {
    fault.exit_code()
}
