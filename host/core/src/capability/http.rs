//! `ringfence:skill/http`: linked, and not available yet: every call returns `denied`.

use wasmtime::component::{ComponentType, Lift, Lower, WasmList, WasmStr};

use super::{Registry, Transfer};
use crate::error::HostError;
use crate::validate::Lending;

type Header = (WasmStr, WasmList<u8>);

/// `http.request`, read in place: nothing of it is copied for a refusal.
#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "what a request is; nothing is sent so far")]
struct Request {
    method: WasmStr,
    url: WasmStr,
    headers: WasmList<Header>,
    body: Option<WasmList<u8>>,
}

/// `http.response`
#[derive(ComponentType, Lower)]
#[component(record)]
struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// `http.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the whole interface; only one case is given so far")]
enum Error {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "limit")]
    Limit,
    #[component(name = "failed")]
    Failed(String),
}

type Fetched = Result<Response, Error>;

impl Transfer for Error {}

impl Transfer for Response {}

impl Transfer for Request {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/http@0.1.0", Lending::Denied)?
        .func("fetch", |_, (_,): (Request,)| Ok((Fetched::Err(Error::Denied),)))?
        .func("fetch-many", |_, (_,): (WasmList<Request>,)| {
            Ok((Result::<Vec<Fetched>, Error>::Err(Error::Denied),))
        })?;
    Ok(())
}
