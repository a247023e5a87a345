//! Lies about the canonical ABI: pointers, lengths, discriminants, encodings, `realloc`.

use serde_json::json;

use super::super::Case;
use super::{given, run};
use crate::Expect::{Outcome, Trap, Value as Gives};

/// A bool of seven.
pub(in super::super) fn abi_bool() -> Case {
    run(Gives(json!(true)))
}

/// A list of bools that are 0, 1, 2 and 255.
pub(in super::super) fn abi_bool_in_memory() -> Case {
    run(Gives(json!([false, true, true, true])))
}

/// Asks the host to write its answer beyond the memory.
pub(in super::super) fn abi_budget_area() -> Case {
    run(Trap("abi-violation"))
}

/// Asks the host to write its answer to an odd address.
pub(in super::super) fn abi_budget_area_misaligned() -> Case {
    run(Trap("abi-violation"))
}

/// A char beyond the last one of Unicode.
pub(in super::super) fn abi_char_beyond() -> Case {
    run(Trap("abi-violation"))
}

/// A char that is half of a surrogate pair.
pub(in super::super) fn abi_char_surrogate() -> Case {
    run(Trap("abi-violation"))
}

/// A chunk of output that begins in the memory and ends beyond it.
pub(in super::super) fn abi_emit_length() -> Case {
    run(Trap("abi-violation"))
}

/// The fourth case of an enum that has three.
pub(in super::super) fn abi_enum() -> Case {
    run(Trap("abi-violation"))
}

/// Flags with bits that no flag has.
pub(in super::super) fn abi_flags() -> Case {
    run(Gives(json!(["read"])))
}

/// The host answers with a list, and the `realloc` for it gives a place beyond the memory.
pub(in super::super) fn abi_import_realloc() -> Case {
    run(Trap("abi-violation"))
}

/// The host answers with a list, and the `realloc` for it never returns.
pub(in super::super) fn abi_import_realloc_spins() -> Case {
    run(Outcome("out-of-fuel"))
}

/// Latin-1 with bytes above 127.
pub(in super::super) fn abi_latin1_high() -> Case {
    run(Gives(json!("ÿé")))
}

/// Latin-1 or UTF-16: 2^31 - 1 bytes of Latin-1.
pub(in super::super) fn abi_latin1_length() -> Case {
    run(Trap("abi-violation"))
}

/// Latin-1 or UTF-16: Latin-1 as well must be at an even address.
pub(in super::super) fn abi_latin1_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// The input is Latin-1 at first and turns out to be UTF-16, so that `realloc` is asked to enlarge what it gave.
pub(in super::super) fn abi_latin1_realloc() -> Case {
    given(json!({"text":"hello€"}), Trap("abi-violation"))
}

/// Latin-1 or UTF-16: the length says UTF-16, and counted in that the text ends beyond the memory.
pub(in super::super) fn abi_latin1_tag() -> Case {
    run(Trap("abi-violation"))
}

/// A list of 2^30 + 1 numbers of four bytes: four bytes, for whoever forgets the carry.
pub(in super::super) fn abi_list_length() -> Case {
    run(Trap("abi-violation"))
}

/// A list of 4 GiB less a byte.
pub(in super::super) fn abi_list_length_bytes() -> Case {
    run(Trap("abi-violation"))
}

/// A list of three strings: the first two are right, the third ends beyond the memory.
pub(in super::super) fn abi_list_of_lies() -> Case {
    run(Trap("abi-violation"))
}

/// A list of numbers at an odd address.
pub(in super::super) fn abi_list_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// A log level that there is not.
pub(in super::super) fn abi_log_level() -> Case {
    run(Trap("abi-violation"))
}

/// A log level that is right in its lowest byte and wrong above.
pub(in super::super) fn abi_log_level_wide() -> Case {
    run(Trap("abi-violation"))
}

/// A log message that is not in the memory.
pub(in super::super) fn abi_log_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// A log message in UTF-16 with half a surrogate pair.
pub(in super::super) fn abi_log_utf16() -> Case {
    run(Trap("abi-violation"))
}

/// A log message that is not Unicode.
pub(in super::super) fn abi_log_utf8() -> Case {
    run(Trap("abi-violation"))
}

/// Traps in a function whose name holds an escape sequence for terminals and a line break.
pub(in super::super) fn abi_name_with_control_characters() -> Case {
    run(Trap("unreachable"))
}

/// A signalling NaN with a payload.
pub(in super::super) fn abi_nan() -> Case {
    run(Gives(json!(["NaN", "NaN"])))
}

/// An `option` that is neither none nor some.
pub(in super::super) fn abi_option() -> Case {
    run(Trap("abi-violation"))
}

/// The clean-up calls the host.
pub(in super::super) fn abi_post_return_calls_out() -> Case {
    run(Trap("cannot-leave-component"))
}

/// The clean-up overwrites the answer.
pub(in super::super) fn abi_post_return_overwrites() -> Case {
    run(Gives(json!("hello")))
}

/// The tool answers, and its clean-up traps.
pub(in super::super) fn abi_post_return_traps() -> Case {
    run(Trap("unreachable"))
}

/// `realloc` gives the last four bytes of the memory for five.
pub(in super::super) fn abi_realloc_at_the_end() -> Case {
    given(json!({"text":"hello"}), Trap("abi-violation"))
}

/// `realloc` gives the host a place beyond the memory to write the input to.
pub(in super::super) fn abi_realloc_beyond() -> Case {
    given(json!({"text":"hello"}), Trap("abi-violation"))
}

/// `realloc` calls the host while the host hands over the input.
pub(in super::super) fn abi_realloc_calls_out() -> Case {
    given(json!({"text":"hello"}), Trap("cannot-leave-component"))
}

/// `realloc` uses a built-in of the component model, which is a way out as well.
pub(in super::super) fn abi_realloc_drops() -> Case {
    given(json!({"text":"hello"}), Trap("cannot-leave-component"))
}

/// `realloc` gives the address -1, which with the length added is a small one.
pub(in super::super) fn abi_realloc_minus_one() -> Case {
    given(json!({"text":"hello"}), Trap("abi-violation"))
}

/// `realloc` gives an odd address for numbers of four bytes.
pub(in super::super) fn abi_realloc_misaligned() -> Case {
    given(json!({"numbers":[1,2,3]}), Trap("abi-violation"))
}

/// `realloc` gives the place of the list itself for the strings in it: the host overwrites what it is writing, within the guest's memory, and the guest reads rubbish as a pointer.
pub(in super::super) fn abi_realloc_over_the_list() -> Case {
    given(json!({"words":["aaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbb"]}), Trap("abi-violation"))
}

/// `realloc` calls itself for ever.
pub(in super::super) fn abi_realloc_recursion() -> Case {
    given(json!({"text":"hello"}), Trap("stack-overflow"))
}

/// `realloc` gives the same place twice, so that the second argument overwrites the first.
pub(in super::super) fn abi_realloc_same() -> Case {
    given(json!({"a":"first","b":"after"}), Gives(json!("after")))
}

/// `realloc` traps, before the tool is reached.
pub(in super::super) fn abi_realloc_traps() -> Case {
    given(json!({"text":"hello"}), Trap("unreachable"))
}

/// `realloc` gives address zero, which is an address like any other in WebAssembly: the tool finds its input there.
pub(in super::super) fn abi_realloc_zero() -> Case {
    given(json!({"text":"hello"}), Gives(json!("hello")))
}

/// Progress whose `total` is neither none nor some.
pub(in super::super) fn abi_report_option() -> Case {
    run(Trap("abi-violation"))
}

/// A `result` that is neither ok nor an error, given as a plain number.
pub(in super::super) fn abi_result() -> Case {
    run(Trap("abi-violation"))
}

/// The result itself lies beyond the memory.
pub(in super::super) fn abi_result_area() -> Case {
    run(Trap("abi-violation"))
}

/// The first half of the result is in the memory, the second is not.
pub(in super::super) fn abi_result_area_at_the_end() -> Case {
    run(Trap("abi-violation"))
}

/// The result lies at an odd address, and must be at a multiple of four.
pub(in super::super) fn abi_result_area_misaligned() -> Case {
    run(Trap("abi-violation"))
}

/// A `result` whose discriminant is right in its lowest byte and wrong above: 256 is not 0.
pub(in super::super) fn abi_result_wide() -> Case {
    run(Trap("abi-violation"))
}

/// A number of 8 bits, given in a register with rubbish above it.
pub(in super::super) fn abi_small_integer_flat() -> Case {
    run(Gives(json!(255)))
}

/// Integers of 8 and 16 bits with rubbish above them, handed through by a tool that never looks.
pub(in super::super) fn abi_small_integers() -> Case {
    run(Gives(json!([255, -1])))
}

/// An empty string whose pointer is beyond the memory.
pub(in super::super) fn abi_string_empty_beyond() -> Case {
    run(Trap("abi-violation"))
}

/// A string that begins in the memory and ends a byte after it.
pub(in super::super) fn abi_string_length() -> Case {
    run(Trap("abi-violation"))
}

/// A string whose pointer and length add up to 2^32 + 1: within the memory, for whoever forgets the carry.
pub(in super::super) fn abi_string_overflow() -> Case {
    run(Trap("abi-violation"))
}

/// A string whose pointer is beyond the memory.
pub(in super::super) fn abi_string_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// UTF-16 text of which the first half is in the memory.
pub(in super::super) fn abi_utf16_end() -> Case {
    run(Trap("abi-violation"))
}

/// A tool that takes UTF-16, whose `realloc` gives an odd address.
pub(in super::super) fn abi_utf16_input() -> Case {
    given(json!({"text":"hello"}), Trap("abi-violation"))
}

/// UTF-16 text of 2^31 units, which are 2^32 bytes: none, for whoever forgets the carry.
pub(in super::super) fn abi_utf16_length() -> Case {
    run(Trap("abi-violation"))
}

/// UTF-16 text at an odd address.
pub(in super::super) fn abi_utf16_pointer() -> Case {
    run(Trap("abi-violation"))
}

/// UTF-16 text with a half of a surrogate pair and no other half.
pub(in super::super) fn abi_utf16_surrogate() -> Case {
    run(Trap("abi-violation"))
}

/// Text with a byte that is never in UTF-8.
pub(in super::super) fn abi_utf8() -> Case {
    run(Trap("abi-violation"))
}

/// Text that ends in the middle of a character.
pub(in super::super) fn abi_utf8_cut() -> Case {
    run(Trap("abi-violation"))
}

/// The tool's own error is text that is none.
pub(in super::super) fn abi_utf8_in_the_error() -> Case {
    run(Trap("abi-violation"))
}

/// Text with a slash of two bytes: an old way past filters of paths.
pub(in super::super) fn abi_utf8_overlong() -> Case {
    run(Trap("abi-violation"))
}

/// Text with half of a surrogate pair in three bytes.
pub(in super::super) fn abi_utf8_surrogate() -> Case {
    run(Trap("abi-violation"))
}

/// Case 200 of a variant that has two, with a payload that no case has.
pub(in super::super) fn abi_variant() -> Case {
    run(Trap("abi-violation"))
}

/// Breaks the ABI in a function whose name is what the engine says when there are too many instances.
pub(in super::super) fn abi_name_of_memory_limit() -> Case {
    run(Trap("abi-violation"))
}

/// The same with the name of what it says when too much is handed over.
pub(in super::super) fn abi_name_of_output_limit() -> Case {
    run(Trap("abi-violation"))
}
