//! `ringfence:skill/kv`: linked, and not available yet: every call returns `denied`.

use wasmtime::component::{ComponentType, Lower, WasmList, WasmStr};

use super::{Registry, Transfer};
use crate::error::HostError;
use crate::validate::Lending;

/// `kv.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the whole interface; only one case is given so far")]
enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "limit")]
    Limit,
    #[component(name = "failed")]
    Failed(String),
}

fn denied<T>() -> wasmtime::Result<(Result<T, Error>,)> {
    Ok((Err(Error::Denied),))
}

impl Transfer for Error {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/kv@0.1.0", Lending::Denied)?
        .func("get", |_, (_,): (WasmStr,)| denied::<Option<Vec<u8>>>())?
        .func("set", |_, (_, _): (WasmStr, WasmList<u8>)| denied::<()>())?
        .func("delete", |_, (_,): (WasmStr,)| denied::<bool>())?
        .func("list", |_, (_, _, _): (WasmStr, Option<WasmStr>, u32)| denied::<Vec<String>>())?;
    Ok(())
}
