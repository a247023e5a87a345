//! `ringfence:skill/config`, `wasi:config` and `secrets`: values and names that the run is granted.

use wasmtime::component::{ComponentType, Lower};

use super::{Registry, Stub, Transfer};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Capability, DenialKind, Spent};
use crate::state::GuestState;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .granted("ringfence:skill/config@0.2.0", Access::ByGrant, Stub::Hollow)?
        .func("get", |mut store, (key,): (String,)| Ok((get(store.data_mut(), &key),)))?
        .func("get-all", |mut store, (): ()| Ok((get_all(store.data_mut()),)))?;
    // The first name of `store` was `runtime`. Versions with a suffix have no compatible ones.
    for name in
        ["wasi:config/store@0.2.0-rc.1", "wasi:config/store@0.2.0-draft", "wasi:config/runtime@0.2.0-draft"]
    {
        registry
            .granted(name, Access::ByGrant, Stub::Refuse)?
            .func("get", |mut store, (key,): (String,)| {
                Ok((Result::<_, WasiError>::Ok(get(store.data_mut(), &key)),))
            })?
            .func("get-all", |mut store, (): ()| {
                Ok((Result::<_, WasiError>::Ok(get_all(store.data_mut())),))
            })?;
    }
    registry.granted("ringfence:skill/secrets@0.2.0", Access::ByGrant, Stub::Hollow)?.func(
        "exists",
        |mut store, (name,): (String,)| {
            let state = store.data_mut();
            let exists = state.granted.secrets.contains(&name);
            if !exists {
                state.deny(
                    Capability::Secrets,
                    &name,
                    DenialKind::NoGrant,
                    "no grant for this name, or no value",
                );
            }
            count(state, Capability::Secrets, name.len(), 1);
            Ok((exists,))
        },
    )?;
    Ok(())
}

/// `store.error`
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "part of the interface; the values are in memory, so no read fails")]
enum WasiError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

impl Transfer for WasiError {}

fn get(state: &mut GuestState, key: &str) -> Option<String> {
    let value = state.granted.config.get(key).cloned();
    if value.is_none() {
        state.deny(Capability::Config, key, DenialKind::NoGrant, "no grant for this key");
    }
    count(state, Capability::Config, key.len(), value.as_ref().map_or(0, String::len));
    value
}

fn get_all(state: &mut GuestState) -> Vec<(String, String)> {
    let values: Vec<(String, String)> =
        state.granted.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let bytes = values.iter().map(|(key, value)| key.len().saturating_add(value.len()));
    count(state, Capability::Config, 0, bytes.fold(0, usize::saturating_add));
    values
}

fn count(state: &mut GuestState, capability: Capability, sent: usize, received: usize) {
    let spent = Spent { calls: 1, sent: sent as u64, received: received as u64, ..Spent::default() };
    state.spend(capability, spent);
}
