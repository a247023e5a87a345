//! Charges host calls: [`HOST_CALL_FUEL`] for each, and [`TRANSFER_FUEL`] for each byte that it moves. The amounts
//! depend on the call alone, so a repeated run burns the same fuel.

use wasmtime::StoreContextMut;

use crate::limits::{HOST_CALL_BYTES, HOST_CALL_FUEL, TRANSFER_FUEL};

use crate::state::{GuestState, Stop, YIELD};

/// Whether the run continues after a host call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The run continues.
    Ours,
    /// The run has burnt a slice's worth and must yield.
    Others,
}

/// Charges a call that moves `bytes` from the guest.
pub(super) fn call(store: &mut StoreContextMut<'_, GuestState>, bytes: u64) -> wasmtime::Result<()> {
    check(store, bytes)?;
    burn(store, HOST_CALL_FUEL.saturating_add(bytes.saturating_mul(TRANSFER_FUEL)))
}

/// Charges further bytes of a call: those that it reads in place, and those that it returns.
pub(crate) fn moved(store: &mut StoreContextMut<'_, GuestState>, bytes: u64) -> wasmtime::Result<()> {
    check(store, bytes)?;
    burn(store, bytes.saturating_mul(TRANSFER_FUEL))
}

/// Records a call that cannot be charged at once, because it cannot yield. The next call that can yield pays for it.
pub(super) fn owed(state: &mut GuestState) {
    state.owed_fuel = state.owed_fuel.saturating_add(HOST_CALL_FUEL);
}

/// Returns whether the run must yield before it continues.
pub(super) fn turn(store: &mut StoreContextMut<'_, GuestState>) -> Turn {
    let left = store.get_fuel().unwrap_or(0);
    let state = store.data_mut();
    if state.yielded_at.saturating_sub(left) < YIELD {
        return Turn::Ours;
    }
    state.yielded_at = left;
    Turn::Others
}

/// One call moves a bounded amount, so that it holds its thread for a bounded time.
fn check(store: &mut StoreContextMut<'_, GuestState>, bytes: u64) -> wasmtime::Result<()> {
    // Twice: a text of UTF-16 may take more bytes in the host than the guest has.
    if bytes > HOST_CALL_BYTES.saturating_mul(2) { Err(store.data_mut().stop(Stop::Output)) } else { Ok(()) }
}

fn burn(store: &mut StoreContextMut<'_, GuestState>, fuel: u64) -> wasmtime::Result<()> {
    let fuel = fuel.saturating_add(std::mem::take(&mut store.data_mut().owed_fuel));
    // The store has one unit more than the run may burn: see `run`.
    match store.get_fuel()?.checked_sub(fuel) {
        Some(left) if left > 0 => store.set_fuel(left),
        _ => {
            store.set_fuel(0)?;
            Err(store.data_mut().stop(Stop::Fuel))
        }
    }
}
