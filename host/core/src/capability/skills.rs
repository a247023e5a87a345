//! `ringfence:skill/skills`: linked, and not available yet: every call returns `denied`.

use wasmtime::component::{ComponentType, Lower, WasmList, WasmStr};

use super::{Registry, Transfer};
use crate::error::HostError;
use crate::validate::Lending;

/// `skills.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the whole interface; only one case is given so far")]
enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "ended")]
    Ended(String),
}

type Called = Result<String, Error>;

impl Transfer for Error {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/skills@0.1.0", Lending::Denied)?
        .func("call", |_, (_, _): (WasmStr, WasmStr)| Ok((Called::Err(Error::Denied),)))?
        .func("call-many", |_, (_,): (WasmList<(WasmStr, WasmStr)>,)| {
            Ok((Result::<Vec<Called>, Error>::Err(Error::Denied),))
        })?;
    Ok(())
}
