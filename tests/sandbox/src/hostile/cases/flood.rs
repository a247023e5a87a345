//! Floods: results, chunks, logs, calls, handles.

use std::time::Duration;

use serde_json::json;

use super::super::Case;
use super::limited;
use crate::Expect::{self, Outcome, Trap, Value as Gives};

/// Enough fuel for ten thousand host calls: the fuel is not what ends these.
fn flood(expect: Expect) -> Case {
    limited(expect, |limits| limits.fuel = 100_000_000)
}

/// A result of 16 times as many bytes as the output may have.
pub(in super::super) fn flood_bytes() -> Case {
    limited(Outcome("output-limit"), |limits| limits.output_size = 64 << 10)
}

/// A result of 60 MiB of bytes: two gigabytes in the host, if it took them all.
pub(in super::super) fn flood_bytes_60mib() -> Case {
    flood(Outcome("output-limit"))
}

/// Looks at the clock without end.
pub(in super::super) fn flood_clock() -> Case {
    flood(Outcome("host-call-limit"))
}

/// Chunks of output without end.
pub(in super::super) fn flood_emit() -> Case {
    flood(Outcome("output-limit"))
}

/// A chunk of 600,000 bytes and a result of as many.
pub(in super::super) fn flood_emit_and_answer() -> Case {
    flood(Outcome("output-limit"))
}

/// One chunk of 2 MiB.
pub(in super::super) fn flood_emit_at_once() -> Case {
    flood(Outcome("output-limit"))
}

/// Chunks of nothing.
pub(in super::super) fn flood_emit_empty() -> Case {
    flood(Outcome("host-call-limit"))
}

/// The tool's own error is longer than the output may be.
pub(in super::super) fn flood_failure() -> Case {
    flood(Outcome("output-limit"))
}

/// 100,000 timers, none of which is ever dropped.
pub(in super::super) fn flood_handles() -> Case {
    limited(Trap("too-many-handles"), |limits| limits.host_calls = 200_000)
}

/// Handles to a resource of the component's own, made and dropped without end, which is never a host call.
pub(in super::super) fn flood_handles_dropped() -> Case {
    limited(Outcome("out-of-fuel"), |limits| limits.fuel = 300_000)
}

/// Asks for the budget without end.
pub(in super::super) fn flood_host_calls() -> Case {
    flood(Outcome("host-call-limit"))
}

/// Asks for the budget without end in the start function.
pub(in super::super) fn flood_host_calls_in_start() -> Case {
    flood(Outcome("host-call-limit"))
}

/// Lists in lists in lists, each of 4,096 times the same list: 2^48 elements out of 100 KB.
pub(in super::super) fn flood_laughs() -> Case {
    limited(Outcome("output-limit"), |limits| limits.output_size = 64 << 10)
}

/// 5,000 lines of log.
pub(in super::super) fn flood_log() -> Case {
    flood(Gives(json!(null)))
}

/// Log without end.
pub(in super::super) fn flood_log_for_ever() -> Case {
    flood(Outcome("host-call-limit"))
}

/// The host reads 60 MiB of text again and again, which costs the guest nothing but host calls.
pub(in super::super) fn flood_log_large_lines() -> Case {
    limited(Outcome("output-limit"), |limits| limits.deadline = Duration::from_millis(2000))
}

/// One line of log of a mebibyte.
pub(in super::super) fn flood_log_line() -> Case {
    limited(Gives(json!(null)), |limits| limits.fuel = 10_000_000)
}

/// Notes of progress, 64 KiB each.
pub(in super::super) fn flood_note() -> Case {
    flood(Outcome("output-limit"))
}

/// A list of 600,000 zeros: 1.2 MB of JSON, of which 64 KB are allowed.
pub(in super::super) fn flood_numbers() -> Case {
    limited(Outcome("output-limit"), |limits| limits.output_size = 64 << 10)
}

/// Polls one timer 100,000 times in one list: more than one call may hand over to the host.
pub(in super::super) fn flood_poll() -> Case {
    limited(Outcome("output-limit"), |limits| limits.fuel = 10_000_000)
}

/// Asks for 4 GiB of random bytes.
pub(in super::super) fn flood_random() -> Case {
    flood(Trap("too-many-random-bytes"))
}

/// Asks for 2^64 - 1 bytes of the randomness that is called insecure.
pub(in super::super) fn flood_random_insecure() -> Case {
    flood(Trap("too-many-random-bytes"))
}

/// Asks for a socket without end.
pub(in super::super) fn flood_refused_calls() -> Case {
    limited(Outcome("host-call-limit"), |limits| (limits.host_calls, limits.fuel) = (2_000, 1 << 40))
}

/// Progress without a note, for ever.
pub(in super::super) fn flood_report() -> Case {
    flood(Outcome("host-call-limit"))
}

/// Stdout, 64 KiB at a time and 200 times, without a line break.
pub(in super::super) fn flood_stdout() -> Case {
    flood(Gives(json!(null)))
}

/// Stdout of bytes that are no text, and escape sequences for terminals.
pub(in super::super) fn flood_stdout_bytes() -> Case {
    flood(Gives(json!(null)))
}

/// 64 KiB of line breaks and nothing else: 65,536 lines in one call.
pub(in super::super) fn flood_stdout_lines() -> Case {
    flood(Gives(json!(null)))
}

/// A result of one string, a byte longer as JSON than the output may be.
pub(in super::super) fn flood_string() -> Case {
    flood(Outcome("output-limit"))
}

/// A result of nearly all the memory there may be.
pub(in super::super) fn flood_string_60mib() -> Case {
    flood(Outcome("output-limit"))
}

/// A result of 200,000 zero bytes: a fifth of what the output may be, and six bytes of JSON for each.
pub(in super::super) fn flood_string_escapes() -> Case {
    flood(Outcome("output-limit"))
}

/// A result of 60 MiB of UTF-16.
pub(in super::super) fn flood_string_utf16() -> Case {
    flood(Outcome("output-limit"))
}

/// A list of 1,000 strings that are all the same 64 KiB of memory: 64 MB out of 73 KB.
pub(in super::super) fn flood_strings() -> Case {
    limited(Outcome("output-limit"), |limits| limits.output_size = 64 << 10)
}

/// A list of 60 million results that hold nothing: a byte each for the guest, much more for the host.
pub(in super::super) fn flood_units() -> Case {
    flood(Outcome("output-limit"))
}

/// 100,000 handles to a resource of its own, made without a host call.
pub(in super::super) fn flood_handles_of_its_own() -> Case {
    limited(Trap("too-many-handles"), |l| l.fuel = 100_000_000)
}

/// 100,000 handles to the one stdout.
pub(in super::super) fn flood_handles_of_stdout() -> Case {
    limited(Trap("too-many-handles"), |l| {
        l.fuel = 100_000_000;
        l.host_calls = 200_000;
    })
}
