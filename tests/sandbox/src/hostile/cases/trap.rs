//! Traps: each keeps its name.

use serde_json::json;

use super::super::Case;
use super::{given, limited, run};
use crate::Expect::{Trap, Value as Gives};

/// Calls through a table at an index beyond it.
pub(in super::super) fn trap_call_beyond() -> Case {
    given(json!({"index":4096}), Trap("table-out-of-bounds"))
}

/// Calls through a table where there is no function.
pub(in super::super) fn trap_call_null() -> Case {
    run(Trap("indirect-call-to-null"))
}

/// Calls a function of one number as one of two.
pub(in super::super) fn trap_call_signature() -> Case {
    run(Trap("bad-signature"))
}

/// Turns a NaN into an integer.
pub(in super::super) fn trap_conversion_nan() -> Case {
    run(Trap("bad-conversion-to-integer"))
}

/// Turns a float of 10^30 into an integer.
pub(in super::super) fn trap_conversion_overflow() -> Case {
    run(Trap("integer-overflow"))
}

/// Copies from the memory over its end.
pub(in super::super) fn trap_copy() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// A data segment that lies beyond its memory, which is seen when the instance is made.
pub(in super::super) fn trap_data() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// A data segment at 4 GiB less two bytes of a memory of one page.
pub(in super::super) fn trap_data_far() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Divides by zero.
pub(in super::super) fn trap_division_by_zero() -> Case {
    given(json!({"by":0}), Trap("integer-division-by-zero"))
}

/// An element segment that lies beyond its table.
pub(in super::super) fn trap_elements() -> Case {
    run(Trap("table-out-of-bounds"))
}

/// Fills 4 GiB less a byte from 64 KiB less one on, with the fuel for it: the end is small for whoever forgets the carry.
pub(in super::super) fn trap_fill_overflow() -> Case {
    limited(Trap("memory-out-of-bounds"), |limits| limits.fuel = 10_000_000_000)
}

/// Gives up in the start function.
pub(in super::super) fn trap_in_start() -> Case {
    run(Trap("unreachable"))
}

/// Copies from a data segment that was dropped.
pub(in super::super) fn trap_init_dropped() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Divides the least integer by -1, which a processor answers with a fault.
pub(in super::super) fn trap_integer_overflow() -> Case {
    given(json!({"by":-1}), Trap("integer-overflow"))
}

/// Reads four bytes of which the last is beyond the memory.
pub(in super::super) fn trap_load() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Reads as far from the memory as an instruction can: address and offset are 2^32 - 1 each, so that their sum lies in the guard pages or beyond.
pub(in super::super) fn trap_load_far() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Looks for a neighbour's memory in steps of 64 KiB, of which the first already ends it.
pub(in super::super) fn trap_load_neighbour() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Reads from a memory of no pages.
pub(in super::super) fn trap_no_memory() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Takes the remainder of a division by zero.
pub(in super::super) fn trap_remainder_by_zero() -> Case {
    run(Trap("integer-division-by-zero"))
}

/// Takes the remainder of the least integer by -1.
pub(in super::super) fn trap_remainder_overflow() -> Case {
    given(json!({"by":-1}), Gives(json!(0)))
}

/// Writes beyond the memory.
pub(in super::super) fn trap_store() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Writes 16 bytes over the end of the memory.
pub(in super::super) fn trap_store_unaligned() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// Reads a table beyond its end.
pub(in super::super) fn trap_table_get() -> Case {
    run(Trap("table-out-of-bounds"))
}

/// Writes a table at index 2^32 - 1.
pub(in super::super) fn trap_table_set() -> Case {
    run(Trap("table-out-of-bounds"))
}

/// Gives up, with no growth refused before.
pub(in super::super) fn trap_unreachable() -> Case {
    run(Trap("unreachable"))
}
