//! `ringfence:skill/tools`: linked, and not available yet: every call returns `denied`.

use wasmtime::component::{ComponentType, Lower, WasmList, WasmStr};

use super::{Registry, Transfer};
use crate::description::Access;
use crate::error::HostError;

/// `tools.error`, and `skills.error` of version 0.1.0
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the whole interface; only one case is given so far")]
pub(super) enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "failed")]
    Failed(String),
    #[component(name = "ended")]
    Ended(String),
}

impl Transfer for Error {}

/// `tools.usage`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Usage {
    fuel: u64,
    milliseconds: u64,
    output: u64,
}

/// `tools.answer`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Answer {
    value: String,
    usage: Usage,
}

impl Transfer for Answer {}

/// `tools.tool`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Tool {
    name: String,
    description: String,
}

impl Transfer for Tool {}

type Called = Result<Answer, Error>;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/tools@0.2.0", Access::Denied)?
        .func("call", |_, (_, _): (WasmStr, WasmStr)| Ok((Called::Err(Error::Denied),)))?
        .func("call-many", |_, (_,): (WasmList<(WasmStr, WasmStr)>,)| {
            Ok((Result::<Vec<Called>, Error>::Err(Error::Denied),))
        })?
        .func("search", |_, (_, _): (WasmStr, u32)| Ok((Vec::<Tool>::new(),)))?
        .func("describe", |_, (_,): (WasmStr,)| Ok((None::<String>,)))?;
    Ok(())
}
