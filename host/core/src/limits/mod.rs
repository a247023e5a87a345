//! Limits of a run and caps on a skill: the effect of each, and what it does not cover.
//!
//! `table.rs` has the names, units, defaults and ranges. No limit can be off: each has a finite default, and
//! [`Limits::check`] refuses limits that the host could not enforce, such as no fuel or no time at all.

mod lower;
mod table;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use lower::LowerError;
pub use table::{InvalidValue, LIMITS, LimitInfo, LimitName, LimitOverrides, LimitUnit, UnknownLimit};

const MIB: u64 = 1 << 20;

/// The limits of one run.
///
/// Every limit is a total over the whole run: all memories, all tables, all core instances, start functions,
/// `realloc` and post-return calls together.
///
/// [`LIMITS`] has names, units, defaults ([`Limits::default`]) and ranges. [`Limits::get`] and [`Limits::set`] use a limit
/// by its [`LimitName`].
///
/// JSON can come from another release, for example in a bundle: an absent limit has its default, and an unknown one has
/// no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel, a count of work.
    ///
    /// A wasm instruction costs about one unit, and so does a byte of a bulk memory operation. A host call costs
    /// [`HOST_CALL_FUEL`], and [`TRANSFER_FUEL`] for each byte that it moves. The same run uses the same fuel.
    ///
    /// Default: 1,000,000,000. At the limit: outcome `out-of-fuel`. Not covered: growth of memory (0 fuel a page),
    /// lifting the result, texts that nested components pass to one another. Fuel is not a clock: depending on the
    /// instructions, a microsecond uses between 2,000 and 40,000 units. So the deadline always applies too.
    pub fuel: u64,
    /// Wall time from instantiation to the end of the call, including waits in the host.
    ///
    /// Default: 5 s. At the limit: outcome `deadline-exceeded`, also for a late result. Nothing interrupts a bulk
    /// memory operation (about 40 ms for 64 MiB) or lifting the result (about 65 ms for a `list<u8>` of 1 MiB, less
    /// for everything else), so a run can exceed its deadline by that. Not covered: reading the input and writing the
    /// result as JSON, which `input_size` and `output_size` bound.
    #[serde(rename = "deadline_ms", serialize_with = "as_millis", deserialize_with = "from_millis")]
    pub deadline: Duration,
    /// Bytes of linear memory, summed over all memories of all core instances, and of scratch files.
    ///
    /// A scratch file or directory counts 512 bytes and its name, and its contents count in blocks of 4 KiB.
    ///
    /// Default: 64 MiB. At the limit: the host refuses growth (`memory.grow` returns -1, a write to a scratch file fails
    /// with `insufficient-space`). If the run then fails, the outcome is `memory-limit`. Not covered: the host's copies of arguments and
    /// results (bounded by `input_size` and `output_size`), the engine's own bookkeeping (about 15 KiB a run),
    /// the wasm stack. The worst case of a process is this × the concurrent runs, but at most
    /// [`crate::HostConfig::memory`].
    pub memory: u64,
    /// Elements of all tables of all core instances together; the engine takes 8 bytes for each.
    ///
    /// Default: 100,000. At the limit: as `memory`. Not covered: the engine's tables of resource handles (1,000
    /// handles a run).
    pub table_elements: u64,
    /// Core instances of a run. Default: 64. At the limit: refused at load if validation can count them,
    /// else `memory-limit`.
    pub instances: u32,
    /// Linear memories of a run. Default: 16. At the limit: as `instances`.
    pub memories: u32,
    /// Tables of a run. Default: 64. At the limit: as `instances`.
    pub tables: u32,
    /// Bytes of the input as JSON text. The host measures component values by the size of their JSON text.
    ///
    /// Default: 1 MiB; at most 64 MiB. At the limit: the call fails with [`crate::RunError::InputTooLarge`]. The host's
    /// copy takes at most 32 times this.
    #[serde(alias = "input")]
    pub input_size: u64,
    /// JSON bytes of the result, of all chunks of `progress.emit`, and of the notes of progress reports, together.
    ///
    /// Default: 1 MiB; at most 64 MiB. At the limit: outcome `output-limit`. A result also takes at
    /// most 32 times this in the host (a record of thousands of absent options is `{}` in JSON). One
    /// host call can move twice [`HOST_CALL_BYTES`] of strings and lists in the host's form, whatever this limit is.
    #[serde(alias = "output")]
    pub output_size: u64,
    /// Log lines kept. Default: 1,000. At the limit: dropped and counted in [`crate::Usage`].
    /// A line longer than [`LOG_LINE_BYTES`] is cut and counted. A line longer than a host call can pass
    /// (see `output_size`) ends the run.
    pub log_lines: u32,
    /// Log bytes kept. Default: 64 KiB. At the limit: as `log_lines`.
    #[serde(alias = "log_bytes")]
    pub log_size: u64,
    /// Calls from the guest to the host, including those to WASI and to the embedder's interfaces.
    ///
    /// Default: 10,000. At the limit: outcome `host-call-limit`. Not covered: canonical built-ins that never leave the
    /// engine, such as dropping a handle. They cost fuel.
    pub host_calls: u64,
}

/// Maximum number of resource handles of a run.
pub(crate) const HANDLES: usize = 1_000;

/// Longest log line kept, in bytes. The host cuts off the rest of a line and counts it.
pub const LOG_LINE_BYTES: usize = 4096;

/// Fuel that each call from the guest to the host costs.
pub const HOST_CALL_FUEL: u64 = 500;

/// Fuel that a host call costs for each byte that it moves in either direction, as for a bulk memory operation.
pub const TRANSFER_FUEL: u64 = 1;

/// Bytes, in the host's form, that one call from the guest to the host can always move.
///
/// A call that moves more than twice as many ends the run with the outcome `output-limit`.
pub const HOST_CALL_BYTES: u64 = MIB;

ringfence_setters::setters!(Limits {
    with_fuel(fuel: u64);
    with_deadline(deadline: Duration);
    with_memory(memory: u64);
    with_table_elements(table_elements: u64);
    with_instances(instances: u32);
    with_memories(memories: u32);
    with_tables(tables: u32);
    with_input_size(input_size: u64);
    with_output_size(output_size: u64);
    with_log_lines(log_lines: u32);
    with_log_size(log_size: u64);
    with_host_calls(host_calls: u64);
});

impl Default for Limits {
    fn default() -> Self {
        let mut limits = Self {
            fuel: 0,
            deadline: Duration::ZERO,
            memory: 0,
            table_elements: 0,
            instances: 0,
            memories: 0,
            tables: 0,
            input_size: 0,
            output_size: 0,
            log_lines: 0,
            log_size: 0,
            host_calls: 0,
        };
        LIMITS.iter().for_each(|info| limits.set(info.name, info.default));
        limits
    }
}

/// A limit is zero, or the host cannot enforce it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid limit `{name}`: {value}; it must be between {min} and {max}")]
#[non_exhaustive]
pub struct LimitError {
    /// The limit.
    pub name: LimitName,
    /// The value, in the unit of the limit.
    pub value: u64,
    /// The minimum.
    pub min: u64,
    /// The maximum.
    pub max: u64,
}

impl Limits {
    /// Checks that the host can enforce every limit: each is in the range of [`LIMITS`], and within the caps.
    ///
    /// Fuel, deadline, memory, input and output must not be 0; table elements, log and host calls can be.
    ///
    /// # Errors
    ///
    /// Fails with a [`LimitError`], which names the limit and its range.
    pub fn check(&self, caps: &SkillCaps) -> Result<(), LimitError> {
        for &LimitInfo { name, min, max, .. } in &LIMITS {
            let (value, max) = (self.get(name), caps.of(name).unwrap_or(max));
            if value < min || value > max {
                return Err(LimitError { name, value, min, max });
            }
        }
        Ok(())
    }
}

/// The caps on a skill, which the host checks at load, before it compiles.
///
/// They also determine the size of the engine's pool. A skill at every cap runs, and takes no share of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkillCaps {
    /// Bytes of the component. Default: 32 MiB.
    pub size: u64,
    /// Exported functions. Default: 256.
    pub tools: u32,
    /// Bytes of all JSON Schemas of a skill together. Default: 256 KiB.
    pub schema: u64,
    /// Type nodes of all signatures; a repeated type counts once. Default: 50,000.
    pub type_nodes: u32,
    /// Core instances of an instance of the component. Default: 64.
    pub instances: u32,
    /// Instances of nested components in it. Default: 1,000.
    pub components: u32,
    /// Linear memories in it. Default: 16.
    pub memories: u32,
    /// Tables in it. Default: 64.
    pub tables: u32,
    /// Elements of all its tables at the start. Default: 100,000.
    pub table_elements: u64,
    /// Core modules and components inside the file. Default: 1,000.
    pub modules: u32,
    /// Types of all modules and components, what they declare, imports, exports and aliases of
    /// components, all together. Default: 200,000.
    pub declarations: u32,
    /// Functions of all core modules together. Default: 200,000.
    pub functions: u32,
    /// Globals of all core modules together. Default: 100,000.
    pub globals: u32,
    /// Bytes of the largest function body. Default: 1 MiB.
    pub function_size: u32,
    /// Elements of all element segments together. Default: 1,000,000. (Just above 2^20 the
    /// compiler of wasmtime 48 takes minutes.)
    pub segment_elements: u64,
}

ringfence_setters::setters!(SkillCaps {
    with_size(size: u64);
    with_tools(tools: u32);
    with_schema(schema: u64);
    with_type_nodes(type_nodes: u32);
    with_instances(instances: u32);
    with_components(components: u32);
    with_memories(memories: u32);
    with_tables(tables: u32);
    with_table_elements(table_elements: u64);
    with_modules(modules: u32);
    with_declarations(declarations: u32);
    with_functions(functions: u32);
    with_globals(globals: u32);
    with_function_size(function_size: u32);
    with_segment_elements(segment_elements: u64);
});

impl SkillCaps {
    /// Returns the cap on what a limit counts, if there is one.
    fn of(&self, name: LimitName) -> Option<u64> {
        match name {
            LimitName::TableElements => Some(self.table_elements),
            LimitName::Instances => Some(self.instances.into()),
            LimitName::Memories => Some(self.memories.into()),
            LimitName::Tables => Some(self.tables.into()),
            LimitName::Fuel
            | LimitName::Deadline
            | LimitName::Memory
            | LimitName::InputSize
            | LimitName::OutputSize
            | LimitName::LogLines
            | LimitName::LogSize
            | LimitName::HostCalls => None,
        }
    }
}

impl Default for SkillCaps {
    fn default() -> Self {
        Self {
            size: 32 * MIB,
            tools: 256,
            schema: 256 << 10,
            type_nodes: 50_000,
            instances: 64,
            components: 1_000,
            memories: 16,
            tables: 64,
            table_elements: 100_000,
            modules: 1_000,
            declarations: 200_000,
            functions: 200_000,
            globals: 100_000,
            function_size: 1 << 20,
            segment_elements: 1_000_000,
        }
    }
}

fn from_millis<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn as_millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_limits_of_an_older_release_have_defaults() {
        let read: Limits = serde_json::from_str(r#"{"fuel": 5, "deadline_ms": 20}"#).expect("limits");
        assert_eq!(read, Limits::default().with_fuel(5).with_deadline(Duration::from_millis(20)));
    }

    #[test]
    fn a_limit_of_a_newer_release_has_no_effect() {
        let mut value = serde_json::to_value(Limits::default().with_fuel(5)).expect("JSON");
        value["sockets"] = 3.into();
        let read: Limits = serde_json::from_value(value).expect("limits");
        assert_eq!(read, Limits::default().with_fuel(5));
        // What both know must fit in both.
        assert!(serde_json::from_str::<Limits>(r#"{"fuel": "much"}"#).is_err());
    }
}
