//! Exit codes: public API. Each outcome has one, each kind of refusal has one.

use std::fmt::Write as _;
use std::process::ExitCode;

use ringfence::{Fault, Outcome};

/// Every code, with its meaning.
const CODES: [(u8, &str); 16] = [
    (0, "success; for `run`: completed"),
    (1, "failed: the tool returned its own error"),
    (2, "invalid command line, configuration or input file"),
    (3, "skill or bundle refused: invalid, untrusted, held, revoked, incompatible or over a cap"),
    (4, "call refused: unknown store or name, invalid input or limit out of range"),
    (5, "host failure: unreadable file, missing tool or internal error"),
    (6, "host at capacity or store locked: retry later"),
    (7, "`doctor`, `test` or `verify` found a problem"),
    (10, "trapped: the skill crashed"),
    (11, "out-of-fuel: fuel limit reached"),
    (12, "deadline-exceeded: the run timed out"),
    (13, "memory-limit: memory or table limit reached"),
    (14, "output-limit: output limit reached"),
    (15, "host-call-limit: host call limit reached"),
    (16, "cancelled: interrupted, or the skill was revoked"),
    (17, "host-overloaded: the host's memory budget ran out; retry later"),
];

/// The codes of commands that load a skill or change the store.
pub(crate) const STORE: &[u8] = &[0, USAGE, REFUSED, CALL, FAULT, BUSY];
/// The codes of commands that only read the store.
pub(crate) const READ: &[u8] = &[0, USAGE, CALL, FAULT, BUSY];
/// The codes of `verify`.
pub(crate) const VERIFY: &[u8] = &[0, USAGE, CALL, FAULT, BUSY, UNSOUND];
/// The codes of commands that read and write files outside of the store.
pub(crate) const FILES: &[u8] = &[0, USAGE, REFUSED, FAULT];
/// The codes of commands that write new files and read none.
pub(crate) const NEW: &[u8] = &[0, USAGE, FAULT];
/// The codes of `test`.
pub(crate) const TEST: &[u8] = &[0, USAGE, REFUSED, CALL, FAULT, BUSY, UNSOUND];
/// The codes of `doctor`.
pub(crate) const DOCTOR: &[u8] = &[0, USAGE, CALL, FAULT, UNSOUND];
/// The codes of `run`.
pub(crate) const RUN: &[u8] = &[0, 1, USAGE, REFUSED, CALL, FAULT, BUSY, 10, 11, 12, 13, 14, 15, 16, 17];

/// The text of `ringfence --help` about all codes.
pub(crate) fn all() -> String {
    let all: Vec<u8> = CODES.iter().map(|(code, _)| *code).collect();
    help(&all)
}

/// The text of a command's `--help` about its codes.
pub(crate) fn help(codes: &[u8]) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning) in CODES.iter().filter(|(code, _)| codes.contains(code)) {
        let _ = write!(text, "\n  {code:2}  {meaning}");
    }
    text
}

/// The command line, or a file that it names, is invalid.
pub(crate) const USAGE: u8 = 2;
/// The skill was refused.
pub(crate) const REFUSED: u8 = 3;
/// The call was refused.
pub(crate) const CALL: u8 = 4;
/// The host failed.
pub(crate) const FAULT: u8 = 5;
/// The host is at capacity.
const BUSY: u8 = 6;

/// A limit does not hold, a case has another result than expected, or a file of the store is damaged.
pub(crate) const UNSOUND: u8 = 7;

/// The code of an outcome.
pub(crate) fn of_outcome<T>(outcome: &Outcome<T>) -> ExitCode {
    ExitCode::from(outcome.exit_code())
}

/// The code of a refused call, by whose fault it is.
pub(crate) fn of_fault(fault: Fault) -> u8 {
    fault.exit_code()
}
