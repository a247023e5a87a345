//! All host interfaces, one a file. Every call counts and costs fuel.

mod budget;
mod config;
mod http;
mod join;
mod kv;
mod link;
mod log;
mod meter;
mod progress;
mod provided;
mod skills;
mod stub;
mod tools;
mod transfer;

pub(crate) use http::{Bodies, Client, Exchanged, record};
pub(crate) use kv::Swaps;
pub(crate) use link::{GrantedInterface, Interface, Registry};
pub(crate) use meter::moved;
pub use provided::{HostCall, HostCallError, HostInterface};
pub(crate) use stub::Stub;
pub use transfer::Transfer;

use wasmtime::Engine;

use crate::error::HostError;

/// Links every interface of Ringfence, and WASI.
pub(crate) fn offer(engine: &Engine) -> Result<Registry, HostError> {
    let mut registry = Registry::new(engine);
    log::link(&mut registry)?;
    progress::link(&mut registry)?;
    budget::link(&mut registry)?;
    http::link(&mut registry)?;
    kv::link(&mut registry)?;
    config::link(&mut registry)?;
    tools::link(&mut registry)?;
    skills::link(&mut registry)?;
    crate::wasi::link(&mut registry)?;
    Ok(registry)
}
