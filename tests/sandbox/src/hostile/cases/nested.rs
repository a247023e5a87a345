//! Components in components: the adapters between them.

use serde_json::json;

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Outcome, Trap, Value as Gives};

/// The outer component calls the inner one with an `option` that is neither none nor some.
pub(in super::super) fn nested_argument_discriminant() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives a bool of seven.
pub(in super::super) fn nested_bool() -> Case {
    run(Gives(json!(1)))
}

/// The inner component is lent a handle of the host's and does not give it back.
pub(in super::super) fn nested_borrow_kept() -> Case {
    run(Trap("abi-violation"))
}

/// A component calls one that it made itself.
pub(in super::super) fn nested_called_by_parent() -> Case {
    run(Trap("cannot-enter-component"))
}

/// Twenty components in a row, each of which calls the one before through an adapter, and the first traps.
pub(in super::super) fn nested_chain() -> Case {
    run(Trap("unreachable"))
}

/// The inner component gives the outer one a char that is half a surrogate pair.
pub(in super::super) fn nested_char() -> Case {
    run(Trap("abi-violation"))
}

/// Twenty components, each around the one before, hand a function through.
pub(in super::super) fn nested_deep() -> Case {
    run(Gives(json!(7)))
}

/// The inner component gives the outer one an `option` that is neither none nor some.
pub(in super::super) fn nested_discriminant() -> Case {
    run(Trap("abi-violation"))
}

/// A component inside the component ends the whole run by `exit`.
pub(in super::super) fn nested_exit() -> Case {
    run(Trap("exit"))
}

/// Inner and outer component grow in turn.
pub(in super::super) fn nested_grows() -> Case {
    limited(Gives(json!(64)), |limits| limits.memory = 4 << 20)
}

/// 64 KiB of Latin-1 above 127, of which each byte is two of UTF-8, so that the adapter must ask the outer component to enlarge what it gave.
pub(in super::super) fn nested_grows_the_text() -> Case {
    limited(Gives(json!(131072)), |limits| limits.fuel = 10_000_000)
}

/// The outer component makes up a handle to a resource of the inner one.
pub(in super::super) fn nested_handle() -> Case {
    run(Trap("abi-violation"))
}

/// The outer component gives away the same handle twice in one call.
pub(in super::super) fn nested_handle_given_twice() -> Case {
    run(Trap("abi-violation"))
}

/// Two neighbours call the host in turn, and the calls of both are counted together.
pub(in super::super) fn nested_host_calls() -> Case {
    limited(Outcome("host-call-limit"), |limits| limits.host_calls = 101)
}

/// The inner component gives Latin-1 or UTF-16 with a length that says UTF-16 and is too long for it; the outer one takes UTF-16.
pub(in super::super) fn nested_latin1_tag() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives 2^31 - 1 bytes of Latin-1, the outer one takes UTF-8.
pub(in super::super) fn nested_latin1_to_utf8() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives a list of 2^30 + 1 numbers.
pub(in super::super) fn nested_list() -> Case {
    run(Trap("abi-violation"))
}

/// A list whose elements take more room in the outer component than in the inner one, and so many of them that the size there would pass 2^32.
pub(in super::super) fn nested_list_doubles() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives a list of numbers at an odd address.
pub(in super::super) fn nested_list_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component answers, and traps when the adapter tells it to clean up.
pub(in super::super) fn nested_post_return_traps() -> Case {
    run(Trap("unreachable"))
}

/// The outer component's `realloc` gives the adapter a place beyond its memory.
pub(in super::super) fn nested_realloc_beyond() -> Case {
    run(Trap("abi-violation"))
}

/// The same, where the adapter turns UTF-16 into UTF-8 and asks for room more than once.
pub(in super::super) fn nested_realloc_beyond_utf16() -> Case {
    run(Trap("abi-violation"))
}

/// The outer component's `realloc` calls the inner one while the adapter copies its answer.
pub(in super::super) fn nested_realloc_calls_back() -> Case {
    run(Trap("cannot-leave-component"))
}

/// The adapter gives back what it asked for too much, and `realloc` answers that with a place beyond the memory.
pub(in super::super) fn nested_realloc_shrinks() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component calls back into the outer one while that waits for it.
pub(in super::super) fn nested_reenters() -> Case {
    run(Trap("cannot-enter-component"))
}

/// The inner component's result itself lies beyond its memory.
pub(in super::super) fn nested_result_area() -> Case {
    run(Trap("memory-out-of-bounds"))
}

/// The inner component's result lies at an odd address.
pub(in super::super) fn nested_result_area_misaligned() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives a number of 8 bits with rubbish above it.
pub(in super::super) fn nested_small_integer() -> Case {
    run(Gives(json!(255)))
}

/// A component inside the component never returns.
pub(in super::super) fn nested_spins() -> Case {
    run(Outcome("out-of-fuel"))
}

/// The inner component's string ends beyond 2^32.
pub(in super::super) fn nested_string_overflow() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives the outer one a string beyond its memory.
pub(in super::super) fn nested_string_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// A component inside the component traps while the outer one calls it.
pub(in super::super) fn nested_traps() -> Case {
    run(Trap("unreachable"))
}

/// The inner component gives UTF-16 of which the last byte is beyond its memory.
pub(in super::super) fn nested_utf16_in_bounds_by_a_unit() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives 2^31 units of UTF-16: no bytes, for an adapter that forgets the carry.
pub(in super::super) fn nested_utf16_length() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives UTF-16 at an odd address, the outer one takes UTF-8.
pub(in super::super) fn nested_utf16_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives UTF-16 with half a surrogate pair, the outer one takes UTF-8.
pub(in super::super) fn nested_utf16_to_utf8() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives the outer one text that is not UTF-8.
pub(in super::super) fn nested_utf8() -> Case {
    run(Trap("abi-violation"))
}

/// The inner component gives text whose last byte, after 32 KiB of ASCII, is not UTF-8; the outer one takes UTF-16.
pub(in super::super) fn nested_utf8_to_utf16() -> Case {
    limited(Trap("abi-violation"), |limits| limits.fuel = 10_000_000)
}
