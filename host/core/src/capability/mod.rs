//! Everything a guest can reach, in one list: one interface a file, every call counted.

mod budget;
mod lent;
mod link;
mod log;
mod progress;
mod stub;

pub use lent::{Lend, LendError, LentCall};
pub(crate) use link::{Interface, Registry};

use wasmtime::Engine;

use crate::error::HostError;

/// Links every interface that Ringfence offers of its own, and the empty WASI.
pub(crate) fn offer(engine: &Engine) -> Result<Registry, HostError> {
    let mut registry = Registry::new(engine);
    log::link(&mut registry)?;
    progress::link(&mut registry)?;
    budget::link(&mut registry)?;
    // Defined and linked, and never granted so far: each function answers `denied`.
    registry.interface("ringfence:skill/http@0.1.0")?.refuse(&["fetch", "fetch-many"])?;
    registry.interface("ringfence:skill/kv@0.1.0")?.refuse(&["get", "set", "delete", "list"])?;
    registry.interface("ringfence:skill/skills@0.1.0")?.refuse(&["call", "call-many"])?;
    crate::wasi::link(&mut registry)?;
    Ok(registry)
}
