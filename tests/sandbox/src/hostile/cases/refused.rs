//! What is refused before it is compiled.

use super::super::Case;
use super::run;
use crate::Expect::Refused;

/// An async function.
pub(in super::super) fn refused_async_lift() -> Case {
    run(Refused("feature-off"))
}

/// Waits on an atomic, which would block a thread of the host.
pub(in super::super) fn refused_atomics() -> Case {
    run(Refused("feature-off"))
}

/// Two interfaces of different packages export functions that come to the same tool name.
pub(in super::super) fn refused_collision() -> Case {
    run(Refused("name-collision"))
}

/// Two interfaces export functions whose tool names differ only in capitals.
pub(in super::super) fn refused_collision_by_case() -> Case {
    run(Refused("name-collision"))
}

/// A built-in that keeps something for an async task.
pub(in super::super) fn refused_context() -> Case {
    run(Refused("feature-off"))
}

/// A core module, not a component.
pub(in super::super) fn refused_core_module() -> Case {
    run(Refused("core-module"))
}

/// An error context in a signature.
pub(in super::super) fn refused_error_context() -> Case {
    run(Refused("feature-off"))
}

/// Throws an exception.
pub(in super::super) fn refused_exceptions() -> Case {
    run(Refused("feature-off"))
}

/// References of the host's, which the engine keeps in a collected heap.
pub(in super::super) fn refused_externref() -> Case {
    run(Refused("feature-off"))
}

/// A list of a fixed length, which is a type bomb of one word.
pub(in super::super) fn refused_fixed_length_list() -> Case {
    run(Refused("feature-off"))
}

/// A call through a typed reference.
pub(in super::super) fn refused_function_references() -> Case {
    run(Refused("feature-off"))
}

/// A function body that leaves the wrong type: the validator's everyday work.
pub(in super::super) fn refused_function_type() -> Case {
    run(Refused("malformed"))
}

/// A future in a signature.
pub(in super::super) fn refused_future() -> Case {
    run(Refused("feature-off"))
}

/// An object for the garbage collector.
pub(in super::super) fn refused_gc() -> Case {
    run(Refused("feature-off"))
}

/// Imports an interface that is not offered.
pub(in super::super) fn refused_import() -> Case {
    run(Refused("import-not-offered"))
}

/// Imports a function outside of all interfaces.
pub(in super::super) fn refused_import_bare() -> Case {
    run(Refused("import-not-offered"))
}

/// Imports a component, for somebody else to fill in.
pub(in super::super) fn refused_import_component() -> Case {
    run(Refused("import-not-offered"))
}

/// Imports a function that the offered interface does not have.
pub(in super::super) fn refused_import_function() -> Case {
    run(Refused("import-not-offered"))
}

/// Imports an offered function as a resource.
pub(in super::super) fn refused_import_kind() -> Case {
    run(Refused("import-mismatch"))
}

/// Imports a core module.
pub(in super::super) fn refused_import_module() -> Case {
    run(Refused("import-not-offered"))
}

/// Imports a resource of WASI as a function.
pub(in super::super) fn refused_import_resource_kind() -> Case {
    run(Refused("import-mismatch"))
}

/// Imports stdout with the timer's type for its stream, to use the one as the other.
pub(in super::super) fn refused_import_resource_type() -> Case {
    run(Refused("import-mismatch"))
}

/// Imports an offered function under other types: its level is a string.
pub(in super::super) fn refused_import_types() -> Case {
    run(Refused("import-mismatch"))
}

/// Imports an interface in a version that there is not.
pub(in super::super) fn refused_import_version() -> Case {
    run(Refused("import-not-offered"))
}

/// A function of one number lifted as one that takes a string.
pub(in super::super) fn refused_lift_type() -> Case {
    run(Refused("malformed"))
}

/// A list in a list, 101 levels deep.
pub(in super::super) fn refused_list_depth() -> Case {
    run(Refused("malformed"))
}

/// A map in a signature.
pub(in super::super) fn refused_map() -> Case {
    run(Refused("feature-off"))
}

/// A memory of 64-bit pointers.
pub(in super::super) fn refused_memory64() -> Case {
    run(Refused("feature-off"))
}

/// A section about the skill that is not JSON.
pub(in super::super) fn refused_metadata() -> Case {
    run(Refused("bad-metadata"))
}

/// A description that reads otherwise than it is written: it turns the direction of text.
pub(in super::super) fn refused_metadata_bidi() -> Case {
    run(Refused("bad-metadata"))
}

/// A description with an escape sequence for terminals.
pub(in super::super) fn refused_metadata_control() -> Case {
    run(Refused("bad-metadata"))
}

/// A section about the skill that is JSON of 1,000 levels, which is a stack for whoever reads it by recursion.
pub(in super::super) fn refused_metadata_depth() -> Case {
    run(Refused("bad-metadata"))
}

/// A section that documents a tool which the skill does not have.
pub(in super::super) fn refused_metadata_tool() -> Case {
    run(Refused("bad-metadata"))
}

/// Two memories in one module.
pub(in super::super) fn refused_multi_memory() -> Case {
    run(Refused("feature-off"))
}

/// Two memories in one module, three components deep.
pub(in super::super) fn refused_multi_memory_inner() -> Case {
    run(Refused("feature-off"))
}

/// A tool name of more characters than protocols allow.
pub(in super::super) fn refused_name() -> Case {
    run(Refused("name-too-long"))
}

/// A component without a tool.
pub(in super::super) fn refused_nothing_exported() -> Case {
    run(Refused("nothing-exported"))
}

/// A command: what it exports is for a runtime of WASI to call, and no tool.
pub(in super::super) fn refused_only_wasi_exported() -> Case {
    run(Refused("nothing-exported"))
}

/// A memory of pages of one byte.
pub(in super::super) fn refused_page_size() -> Case {
    run(Refused("feature-off"))
}

/// 1,001 parameters, more than the engine's validator takes.
pub(in super::super) fn refused_parameters() -> Case {
    run(Refused("malformed"))
}

/// A `realloc` of two parameters.
pub(in super::super) fn refused_realloc_type() -> Case {
    run(Refused("malformed"))
}

/// An instruction whose result depends on the processor.
pub(in super::super) fn refused_relaxed_simd() -> Case {
    run(Refused("feature-off"))
}

/// A resource of its own in a tool's signature: nothing in JSON could hold it.
pub(in super::super) fn refused_resource() -> Case {
    run(Refused("unsupported-signature"))
}

/// A tool that gives away a handle of the host's.
pub(in super::super) fn refused_resource_of_the_host() -> Case {
    run(Refused("unsupported-signature"))
}

/// A memory that threads share.
pub(in super::super) fn refused_shared_memory() -> Case {
    run(Refused("feature-off"))
}

/// A type of stacks of its own.
pub(in super::super) fn refused_stack_switching() -> Case {
    run(Refused("feature-off"))
}

/// A stream in a signature.
pub(in super::super) fn refused_stream() -> Case {
    run(Refused("feature-off"))
}

/// A table of 64-bit indices.
pub(in super::super) fn refused_table64() -> Case {
    run(Refused("feature-off"))
}

/// A built-in of async tasks, without an async function.
pub(in super::super) fn refused_task_builtins() -> Case {
    run(Refused("feature-off"))
}

/// A tuple of twice the same tuple, 30 levels deep: a type of 2^30 numbers out of thirty lines.
pub(in super::super) fn refused_tuple_bomb() -> Case {
    run(Refused("malformed"))
}

/// Adds numbers of 128 bits.
pub(in super::super) fn refused_wide_arithmetic() -> Case {
    run(Refused("feature-off"))
}
