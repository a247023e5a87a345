//! `ringfence:skill/skills`, which version 0.2.0 calls `tools`: linked, and not available yet: every call returns `denied`.

use wasmtime::component::{WasmList, WasmStr};

use super::Registry;
use super::tools::Error;
use crate::description::Access;
use crate::error::HostError;

type Called = Result<String, Error>;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/skills@0.1.0", Access::Denied)?
        .func("call", |_, (_, _): (WasmStr, WasmStr)| Ok((Called::Err(Error::Denied),)))?
        .func("call-many", |_, (_,): (WasmList<(WasmStr, WasmStr)>,)| {
            Ok((Result::<Vec<Called>, Error>::Err(Error::Denied),))
        })?;
    Ok(())
}
