//! The one engine configuration: what guests may use, how it is compiled, how instances are placed.
//!
//! Figures behind the settings are in ARCHITECTURE.md ("The engine"). A test in this file pins the
//! settings that decide what a guest can do.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::HostError;
use crate::limits::SkillCaps;

/// Bytes of stack that wasm may use. At the limit: `trapped: stack-overflow`.
pub const WASM_STACK: usize = 512 << 10;

/// Bytes of the stack a run is given; host functions run on the rest of it.
const ASYNC_STACK: usize = 3 << 19;

/// Memory slots that a pool can reserve on this machine: each takes 4 GiB of address space, and
/// user space has 128 TiB on x86-64 and aarch64 Linux. Half of it is left to the rest of the process.
const MEMORY_SLOTS: u32 = 16_000;

/// Where instances are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allocator {
    /// Slots reserved beforehand and reset after each run: fast, for services.
    #[default]
    Pooling,
    /// Mapped and unmapped for each run: slower by about 15 µs, no address space reserved.
    OnDemand,
}

/// What the engine can hold at once.
#[derive(Debug, Clone)]
pub(crate) struct Capacity {
    pub(crate) runs: u32,
    pub(crate) instances: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

impl Capacity {
    /// Room for `runs` skills that are each at the caps; above about 1,000 runs, memories and tables
    /// are shared out by admission instead.
    pub(crate) fn new(runs: u32, caps: &SkillCaps) -> Self {
        Self {
            runs,
            instances: runs.saturating_mul(caps.instances),
            memories: runs.saturating_mul(caps.memories).min(MEMORY_SLOTS.max(runs)),
            tables: runs.saturating_mul(caps.tables).min(4 * MEMORY_SLOTS.max(runs)),
        }
    }
}

/// The engine that runs guests.
pub(crate) fn new(allocator: Allocator, capacity: &Capacity, caps: &SkillCaps) -> Result<Engine, HostError> {
    let mut config = config();
    match allocator {
        Allocator::OnDemand => {}
        Allocator::Pooling => {
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
                .table_elements(usize::try_from(caps.table_elements).unwrap_or(usize::MAX))
                .linear_memory_keep_resident(2 << 20)
                .table_keep_resident(1 << 20)
                .pagemap_scan(Enabled::Auto);
            // Without the page map scan, keeping memory resident is a blind memset: 2.5 times slower
            // than giving the pages back.
            if !PoolingAllocationConfig::is_pagemap_scan_available() {
                pool.linear_memory_keep_resident(0).table_keep_resident(0);
            }
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
    }
    Engine::new(&config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// The engine that only compiles: the same code comes out, and no pool is reserved.
#[cfg(feature = "compiler")]
pub(crate) fn compiling() -> Result<Engine, HostError> {
    Engine::new(&config()).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// All that decides what code is made and what a guest can do. Not configurable: an artifact loads
/// in every Ringfence of the same version.
fn config() -> Config {
    let mut config = Config::new();
    config
        // Metering. Fuel yields so that a busy guest starves nobody; the epoch only prompts a look at
        // the clock.
        .consume_fuel(true)
        .epoch_interruption(true)
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
    config.cranelift_opt_level(wasmtime::OptLevel::Speed).cranelift_nan_canonicalization(true);
    config
}
