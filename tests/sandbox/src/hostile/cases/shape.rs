//! Odd shapes of components and types.

use serde_json::json;

use super::super::Case;
use super::{case, given, limited, nested, run};
use crate::Expect::{Error, Outcome, Refused, Trap, Value as Gives};

/// Exports a component and a core module beside its tool.
pub(in super::super) fn shape_exports_component() -> Case {
    run(Refused("compile-failed"))
}

/// Exports one function under two names.
pub(in super::super) fn shape_exports_twice() -> Case {
    run(Gives(json!(7)))
}

/// Exports an instance in an instance.
pub(in super::super) fn shape_instance_in_instance() -> Case {
    run(Gives(json!(7)))
}

/// A list in a list, 90 levels deep, each with one element that lies in the same eight bytes: the pointer points at itself.
pub(in super::super) fn shape_list_depth() -> Case {
    run(Gives(nested(90, json!(true))))
}

/// Twenty strings as parameters, which are handed over in memory and not in registers: `realloc` gives one place for all of them.
pub(in super::super) fn shape_many_parameters() -> Case {
    given(
        json!({"a": "a", "b": "b", "c": "c", "d": "d", "e": "e", "f": "f", "g": "g", "h": "h", "i": "i", "j": "j", "k": "k", "l": "l", "m": "m", "n": "n", "o": "o", "p": "p", "q": "q", "r": "r", "s": "s", "t": "t"}),
        Gives(json!("t")),
    )
}

/// A result of a hundred tuples of a hundred: ten thousand values by one pointer.
pub(in super::super) fn shape_many_results() -> Case {
    run(Trap("abi-violation"))
}

/// Lifts a function of one instance with the memory of another and the `realloc` of a third.
pub(in super::super) fn shape_memory_of_another() -> Case {
    given(json!({"text":"hello"}), Gives(json!("hello")))
}

/// Is asked for a tool that it has only inside.
pub(in super::super) fn shape_no_tool() -> Case {
    case("hidden", json!({}), Error("no-such-tool"), |_| {})
}

/// Exports a function of the host's as a tool of its own, without a line of code.
pub(in super::super) fn shape_reexports_import() -> Case {
    run(Refused("compile-failed"))
}

/// Exports the host's whole interface as its own.
pub(in super::super) fn shape_reexports_interface() -> Case {
    run(Refused("compile-failed"))
}

/// A tuple of twice the same tuple, 13 levels deep: 16,384 numbers of a byte, in a type of fourteen lines.
pub(in super::super) fn shape_tuple_bomb() -> Case {
    limited(Outcome("output-limit"), |limits| limits.output_size = 16 << 10)
}

/// The same as a parameter.
pub(in super::super) fn shape_tuple_bomb_input() -> Case {
    given(json!({"all":[]}), Error("input-mismatch"))
}

/// 2^90 elements out of sixteen bytes: the bound of lifting stops it early.
pub(in super::super) fn shape_list_laughs() -> Case {
    limited(Outcome("output-limit"), |l| l.output_size = 1 << 16)
}
