//! Time: endless work and endless waiting, in every function that a component has.

use std::time::Duration;

use serde_json::json;

use super::super::Case;
use super::{given, limited, run};
use crate::Expect::Outcome;

/// A loop of calls to a function that does nothing: calls cost fuel as well.
pub(in super::super) fn time_calls() -> Case {
    run(Outcome("out-of-fuel"))
}

/// A busy loop with more fuel than can be burnt in a day.
pub(in super::super) fn time_deadline() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// A loop of copies that overlap with themselves, of 1 MiB less one byte each.
pub(in super::super) fn time_deadline_in_copy() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// Bulk operations of 1 MiB, between which alone a run can be interrupted.
pub(in super::super) fn time_deadline_in_fill() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// The tool answers, and its clean-up runs past the deadline.
pub(in super::super) fn time_deadline_in_post_return() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// One instruction that writes 1 MiB.
pub(in super::super) fn time_fill() -> Case {
    run(Outcome("out-of-fuel"))
}

/// A hundred million turns by a `br_table` that always goes to a loop.
pub(in super::super) fn time_nested_loops() -> Case {
    run(Outcome("out-of-fuel"))
}

/// A tool that never returns.
pub(in super::super) fn time_spin() -> Case {
    run(Outcome("out-of-fuel"))
}

/// The tool answers, and its clean-up never returns.
pub(in super::super) fn time_spin_in_post_return() -> Case {
    run(Outcome("out-of-fuel"))
}

/// `realloc` never returns.
pub(in super::super) fn time_spin_in_realloc() -> Case {
    given(json!({"text":"hello"}), Outcome("out-of-fuel"))
}

/// The deadline passes in the start function of the second of two core instances.
pub(in super::super) fn time_spin_in_second_start() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// The start function never returns, so the tool is never reached.
pub(in super::super) fn time_spin_in_start() -> Case {
    run(Outcome("out-of-fuel"))
}

/// One instruction that writes 50,000 table elements costs fuel for each of them.
pub(in super::super) fn time_table_fill() -> Case {
    run(Outcome("out-of-fuel"))
}

/// A loop that copies a segment of functions into a table and a part of that table over another.
pub(in super::super) fn time_table_init() -> Case {
    run(Outcome("out-of-fuel"))
}

/// Endless tail calls, which need no stack and contain no loop.
pub(in super::super) fn time_tail_calls() -> Case {
    run(Outcome("out-of-fuel"))
}

/// Endless tail calls through a table, with fuel for a day.
pub(in super::super) fn time_tail_calls_deadline() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| {
        limits.fuel = 1 << 50;
        limits.deadline = Duration::from_millis(30);
    })
}

/// Waits in the host for the longest time that there is, by `pollable.block`.
pub(in super::super) fn time_wait_block() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| limits.deadline = Duration::from_millis(30))
}

/// Waits an hour in the start function, before the tool is called.
pub(in super::super) fn time_wait_in_start() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| limits.deadline = Duration::from_millis(30))
}

/// Waits an hour in the host, burning nothing.
pub(in super::super) fn time_wait_poll() -> Case {
    limited(Outcome("deadline-exceeded"), |limits| limits.deadline = Duration::from_millis(30))
}

/// A thousand waits of no time at all.
pub(in super::super) fn time_wait_short() -> Case {
    limited(Outcome("host-call-limit"), |limits| limits.host_calls = 500)
}
