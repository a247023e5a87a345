//! `ringfence:skill/config` and `secrets`: values and names that the run is granted.

use super::Registry;
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Capability, Spent};
use crate::state::GuestState;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as("ringfence:skill/config@0.2.0", Access::ByGrant)?
        .func("get", |mut store, (key,): (String,)| {
            let state = store.data_mut();
            let value = state.granted.config.get(&key).cloned();
            if value.is_none() {
                state.deny(Capability::Config, &key, "no grant for this key");
            }
            count(state, Capability::Config, key.len(), value.as_ref().map_or(0, String::len));
            Ok((value,))
        })?
        .func("get-all", |mut store, (): ()| {
            let state = store.data_mut();
            let values: Vec<(String, String)> =
                state.granted.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            let bytes = values.iter().map(|(key, value)| key.len().saturating_add(value.len()));
            count(state, Capability::Config, 0, bytes.fold(0, usize::saturating_add));
            Ok((values,))
        })?;
    registry.interface_as("ringfence:skill/secrets@0.2.0", Access::ByGrant)?.func(
        "exists",
        |mut store, (name,): (String,)| {
            let state = store.data_mut();
            let exists = state.granted.secrets.contains(&name);
            if !exists {
                state.deny(Capability::Secrets, &name, "no grant for this name, or no value");
            }
            count(state, Capability::Secrets, name.len(), 1);
            Ok((exists,))
        },
    )?;
    Ok(())
}

fn count(state: &mut GuestState, capability: Capability, sent: usize, received: usize) {
    let spent = Spent { calls: 1, sent: sent as u64, received: received as u64, ..Spent::default() };
    state.spend(capability, spent);
}
