//! Bare wasmtime: those settings of `host/core/src/engine.rs` on which the cost of a call depends, and nothing of Ringfence.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
};

/// What a store holds: wasmtime's own limiter, and what the bench keeps.
pub(crate) struct Data<T> {
    limits: StoreLimits,
    pub(crate) kept: T,
}

/// The settings without the pool: fuel, stacks, and which proposals are off.
pub(crate) fn settings() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(3 << 19)
        .gc_support(false)
        .concurrency_support(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .wasm_exceptions(false);
    config
}

pub(crate) fn engine() -> Engine {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1_000)
        .total_core_instances(64_000)
        .total_memories(4_000)
        .total_tables(8_000)
        .total_stacks(1_000)
        .total_gc_heaps(0)
        .table_elements(100_000)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    let mut config = settings();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).expect("an engine")
}

/// A store with limiter, fuel and yields.
pub(crate) fn store<T: 'static>(engine: &Engine, kept: T) -> Store<Data<T>> {
    let limits = StoreLimitsBuilder::new().memory_size(64 << 20).table_elements(100_000).build();
    let mut store = Store::new(engine, Data { limits, kept });
    store.limiter(|data| &mut data.limits);
    store.set_hostcall_fuel(1 << 20);
    store.set_fuel(1_000_000_000).expect("fuel is on");
    store.fuel_async_yield_interval(Some(100_000)).expect("fuel is on");
    store
}
