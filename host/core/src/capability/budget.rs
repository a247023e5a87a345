//! `ringfence:skill/budget`: the rest of the run's limits, so that a skill can stop in time.

use std::time::Instant;

use wasmtime::component::{ComponentType, Lower};

use super::{Registry, Transfer};
use crate::error::HostError;

/// `budget.remaining`
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Remaining {
    fuel: u64,
    milliseconds: u64,
    memory: u64,
    output: u64,
    #[component(name = "host-calls")]
    host_calls: u64,
}

impl Transfer for Remaining {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    link_as(registry, "ringfence:skill/budget@0.1.0")?;
    link_as(registry, "ringfence:skill/budget@0.2.0")
}

fn link_as(registry: &mut Registry, name: &str) -> Result<(), HostError> {
    registry.interface(name)?.func("remaining", |store, (): ()| {
        // The store has one unit more than the run may burn.
        let fuel = store.get_fuel()?.saturating_sub(1);
        let state = store.data();
        let left = state.deadline.saturating_duration_since(Instant::now());
        Ok((Remaining {
            fuel,
            milliseconds: state.wasi.coarse_left(left),
            memory: state.limiter.memory_left(),
            output: state.output.left(),
            host_calls: state.host_calls.left(),
        },))
    })?;
    Ok(())
}
