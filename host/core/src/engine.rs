//! The one engine configuration: allowed proposals, compilation, and allocation of instances.
//!
//! The reasons for the settings are in `docs/src/decisions`. A test in this file pins which proposals are off;
//! `tests/sandbox` shows what the other settings do to a guest.

use wasmtime::{Config, Engine, ModuleVersionStrategy};
#[cfg(feature = "pool")]
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

#[cfg(feature = "compiler")]
use crate::digest::Digest;
use crate::error::HostError;
use crate::limits::SkillCaps;
use crate::target::{Backend, Target};
#[cfg(feature = "compiler")]
use crate::version::KEPT_FORMAT;
use crate::version::VERSIONS;
#[cfg(feature = "compiler")]
use std::hash::Hash as _;

/// Maximum bytes of stack for wasm. At the limit a run is `trapped` (`stack-overflow`).
///
/// It suits interpreters that check a stack of their own: skills/python raises its `RecursionError` below this.
pub const WASM_STACK: usize = 1 << 20;

/// Bytes of a run's stack; host functions use the part beyond wasm's.
const ASYNC_STACK: usize = 2 << 20;

/// Linear memories and tables in the pool for each run. A run that needs more counts as several runs, so that it takes
/// no other run's share.
const MEMORIES_PER_RUN: u32 = 4;
const TABLES_PER_RUN: u32 = 8;

/// Memories in the pool for all runs, unless the host has more runs. Each takes 4 GiB of address space, and user space
/// has 128 TiB on x86-64 and aarch64 Linux.
const MEMORIES: u32 = 16_000;

/// Maximum bytes of the engine's record of an instance, above what the caps on functions and globals allow. Admission
/// counts the real size.
#[cfg(feature = "pool")]
const INSTANCE_BYTES: usize = 16 << 20;

/// How a host allocates instances.
///
/// Default: on demand. A service takes [`crate::HostConfig::pooled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Allocator {
    /// Slots that the host reserves at its start and resets after each run: fast, for services.
    #[cfg(feature = "pool")]
    Pooling,
    /// Memory that the host maps and unmaps for each run: about 15 µs slower, without reserved address space.
    #[default]
    OnDemand,
}

/// Returns whether the kernel reports the pages that a run has written (Linux 6.7).
///
/// Without it the pool returns and remaps the used pages, which is slower and as safe.
#[cfg(feature = "pool")]
pub fn pagemap_scan() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Capacity of the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) runs: u32,
    #[cfg_attr(not(feature = "pool"), expect(dead_code, reason = "only a pool is sized by it"))]
    instances: u32,
    memories: u32,
    tables: u32,
}

impl Capacity {
    /// Returns the capacity for `runs`, and at least for one skill at every cap.
    pub(crate) fn new(runs: u32, caps: &SkillCaps) -> Self {
        let memories = runs.saturating_mul(MEMORIES_PER_RUN).min(MEMORIES.max(runs));
        Self {
            runs,
            instances: runs.saturating_mul(caps.instances),
            memories: memories.max(caps.memories),
            tables: runs.saturating_mul(TABLES_PER_RUN).max(caps.tables),
        }
    }

    /// Returns as how many runs a run with so many memories and tables counts: its share of the pool, at most all.
    pub(crate) fn shares(&self, memories: u64, tables: u64) -> u64 {
        let runs = u64::from(self.runs);
        let share = |wanted: u64, all: u32| wanted.saturating_mul(runs).div_ceil(u64::from(all.max(1)));
        share(memories, self.memories).max(share(tables, self.tables)).clamp(1, runs)
    }
}

/// Creates the engine that runs guests.
pub(crate) fn new(
    allocator: Allocator,
    backend: Backend,
    #[cfg_attr(not(feature = "pool"), expect(unused_variables, reason = "only a pool is sized"))]
    capacity: &Capacity,
    #[cfg_attr(not(feature = "pool"), expect(unused_variables, reason = "only a pool is sized"))]
    caps: &SkillCaps,
) -> Result<Engine, HostError> {
    let mut config = config();
    match backend {
        Backend::Native => {}
        Backend::Pulley if cfg!(feature = "pulley") => {
            let set = config.target(Target::Pulley64.triple());
            set.map_err(HostError::engine)?;
        }
        Backend::Pulley => {
            let reason = "this build has no Pulley interpreter; enable the feature `pulley`".into();
            return Err(HostError::Engine { reason, source: None });
        }
    }
    match allocator {
        Allocator::OnDemand => {}
        #[cfg(feature = "pool")]
        Allocator::Pooling => {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(capacity, caps)));
        }
    }
    Engine::new(&config).map_err(HostError::engine)
}

/// Configures the pool for the host's capacity.
#[cfg(feature = "pool")]
fn pool(capacity: &Capacity, caps: &SkillCaps) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(capacity.runs)
        .total_core_instances(capacity.instances)
        .total_memories(capacity.memories)
        .total_tables(capacity.tables)
        .total_stacks(capacity.runs)
        .total_gc_heaps(0)
        .max_memories_per_component(caps.memories)
        .max_tables_per_component(caps.tables)
        .max_core_instances_per_component(caps.instances)
        // Several tables in a module are the guest's right; several memories are only ever in
        // the engine's own adapters between nested components.
        .max_tables_per_module(caps.tables)
        .max_memories_per_module(caps.memories)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .table_elements(usize::try_from(caps.table_elements).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    // Without the page map scan, keeping memory resident is a blind memset: 2.5 times slower
    // than giving the pages back.
    if !pagemap_scan() {
        pool.linear_memory_keep_resident(0).table_keep_resident(0);
    }
    pool
}

/// Creates an engine that only compiles, for this machine or a target: the same code, without a pool.
#[cfg(feature = "compiler")]
pub(crate) fn compiling(target: Option<Target>) -> Result<Engine, HostError> {
    let mut config = config();
    if let Some(target) = target {
        let set = config.target(target.triple());
        set.map_err(HostError::engine)?;
        for feature in target.features() {
            // SAFETY: a wrong flag could make code that breaks the sandbox. These say no more than which instructions
            // the processor has, they are constants of `Target::features`, and an engine that loads the code refuses
            // it on a processor that lacks one (`check_isa_flags`).
            #[expect(unsafe_code, reason = "proof above; there is no safe way to name a baseline")]
            unsafe {
                config.cranelift_flag_enable(feature)
            };
        }
    }
    Engine::new(&config).map_err(HostError::engine)
}

/// Computes the fingerprint of everything on which artifacts and stored descriptions depend: both exact versions, the
/// engine's settings, this processor's features, the caps on skills, and the offered interfaces.
#[cfg(feature = "compiler")]
pub(crate) fn fingerprint(engine: &Engine, caps: &SkillCaps, offer: &str) -> Digest {
    use sha2::{Digest as _, Sha256};
    struct Hashed(Sha256);
    impl std::hash::Hasher for Hashed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0 // Not asked for: the whole hash is taken.
        }
    }
    let mut hashed = Hashed(Sha256::new());
    (VERSIONS, KEPT_FORMAT, format!("{caps:?}"), offer).hash(&mut hashed);
    engine.precompile_compatibility_hash().hash(&mut hashed);
    Digest::from(<[u8; 32]>::from(hashed.0.finalize()))
}

/// Returns the settings that decide what code the compiler makes and what a guest can do. They are not configurable, so
/// an artifact loads in every Ringfence of the same version.
fn config() -> Config {
    let mut config = Config::new();
    // Fails for a text of more than 255 bytes only.
    let _ = config.module_version(ModuleVersionStrategy::Custom(VERSIONS.to_owned()));
    config
        // The one meter. A guest yields by the fuel that it burns, host calls included, and with every yield the
        // run reads the clock: an epoch beside it would find nothing more, and makes tight loops slower by a third.
        .consume_fuel(true)
        // Stacks.
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(ASYNC_STACK)
        .async_stack_zeroing(false)
        // Proposals that skills do not need, each a part of the engine that a guest then cannot reach.
        .gc_support(false)
        .concurrency_support(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_stack_switching(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_relaxed_simd(false)
        // On in the engine and refused by the pre-scan: off, adapters between nested components make
        // the compiler of 48 panic.
        .wasm_multi_memory(true)
        .memory_init_cow(true);
    #[cfg(feature = "compiler")]
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A binary: what kind of one, and its sections, each an id and what it holds.
    #[cfg(feature = "compiler")]
    fn binary(kind: [u8; 4], sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = [b"\0asm", &kind[..]].concat();
        for (id, section) in sections {
            bytes.extend([*id, u8::try_from(section.len()).expect("a short one")]);
            bytes.extend(*section);
        }
        bytes
    }

    /// The smallest use of each proposal that is off. The pre-scan refuses them as well, and before; this is
    /// what stands behind it.
    #[test]
    #[cfg(feature = "compiler")]
    fn the_engine_refuses_proposals_that_are_off() {
        use wasmparser::{Validator, WasmFeatures};

        const MODULE: [u8; 4] = [1, 0, 0, 0];
        const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];
        /// `(type (func))`
        const FUNC: &[u8] = &[1, 0x60, 0, 0];

        let engine = compiling(None).expect("an engine");
        let compiles = |bytes: &[u8]| match bytes.get(4) {
            Some(1) => wasmtime::Module::new(&engine, bytes).map(drop),
            _ => wasmtime::component::Component::new(&engine, bytes).map(drop),
        };
        // What every skill may use passes, so what is refused below is not refused for its form.
        for bytes in [
            binary(MODULE, &[(1, FUNC), (5, &[1, 0, 1])]),
            binary(COMPONENT, &[(7, &[1, 0x70, 0x7d])]), // (type (list u8))
        ] {
            compiles(&bytes).expect("nothing special");
        }
        for (proposal, kind, sections) in [
            // (memory 1 1 shared)
            ("threads", MODULE, &[(5, &[1, 3, 1, 1][..])][..]),
            // (memory i64 1)
            ("memory64", MODULE, &[(5, &[1, 4, 1])]),
            // (memory 1 (pagesize 1))
            ("custom-page-sizes", MODULE, &[(5, &[1, 8, 1, 0])]),
            // (type (struct))
            ("gc", MODULE, &[(1, &[1, 0x5f, 0])]),
            // (type (func)) (type (func (param (ref 0))))
            ("function-references", MODULE, &[(1, &[2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0])]),
            // (type (func)) (tag (type 0))
            ("exceptions", MODULE, &[(1, FUNC), (13, &[1, 0, 0])]),
            // (type (func)) (type (cont 0))
            ("stack-switching", MODULE, &[(1, &[2, 0x60, 0, 0, 0x5d, 0])]),
            // (func (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)) drop drop)
            (
                "wide-arithmetic",
                MODULE,
                &[
                    (1, FUNC),
                    (3, &[1, 0]),
                    (10, &[1, 14, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 0x13, 0x1a, 0x1a, 0x0b]),
                ],
            ),
            // (func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))
            (
                "relaxed-simd",
                MODULE,
                &[
                    (1, &[1, 0x60, 1, 0x7b, 0]),
                    (3, &[1, 0]),
                    (10, &[1, 8, 0, 0x20, 0, 0xfd, 0x81, 0x02, 0x1a, 0x0b]),
                ],
            ),
            // (type (future)), (type (stream)), (type error-context), (type (list u8 2))
            ("component-model-async", COMPONENT, &[(7, &[1, 0x65, 0])]),
            ("component-model-async", COMPONENT, &[(7, &[1, 0x66, 0])]),
            ("component-model-error-context", COMPONENT, &[(7, &[1, 0x64])]),
            ("component-model-fixed-length-lists", COMPONENT, &[(7, &[1, 0x67, 0x7d, 2])]),
        ] {
            let bytes = binary(kind, sections);
            let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes).map(drop);
            assert!(valid.is_ok(), "{proposal}: it does not even use it: {valid:?}");
            assert!(compiles(&bytes).is_err(), "{proposal} is on");
        }
    }
}
