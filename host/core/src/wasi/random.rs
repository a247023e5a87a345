//! `wasi:random`: ChaCha20, seeded by the operating system or the caller at its first use.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::wasi;
use crate::capability::Registry;
use crate::error::{HostError, RunError};
use crate::limits::HOST_CALL_BYTES;
use crate::state::{GuestState, Stop};

#[derive(Debug)]
pub(crate) struct Randomness {
    seed: Option<u64>,
    rng: Option<Box<ChaCha20Rng>>,
}

impl Randomness {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self { seed, rng: None }
    }

    fn rng(&mut self) -> Result<&mut ChaCha20Rng, getrandom::Error> {
        let rng = match self.rng.take() {
            Some(rng) => rng,
            None => Box::new(match self.seed {
                Some(seed) => ChaCha20Rng::seed_from_u64(seed),
                None => {
                    let mut seed = [0; 32];
                    getrandom::fill(&mut seed)?;
                    ChaCha20Rng::from_seed(seed)
                }
            }),
        };
        Ok(self.rng.insert(rng))
    }
}

fn number(state: &mut GuestState) -> wasmtime::Result<u64> {
    match state.wasi.random.rng() {
        Ok(rng) => Ok(rng.next_u64()),
        Err(error) => Err(no_entropy(state, error)),
    }
}

fn bytes(state: &mut GuestState, len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > HOST_CALL_BYTES {
        let text = format!("{len} random bytes requested in one call; the maximum is {HOST_CALL_BYTES}");
        return Err(state.stop(Stop::Trap("too-many-random-bytes", text)));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    match state.wasi.random.rng() {
        Ok(rng) => rng.fill_bytes(&mut bytes),
        Err(error) => return Err(no_entropy(state, error)),
    }
    Ok(bytes)
}

fn no_entropy(state: &mut GuestState, error: getrandom::Error) -> wasmtime::Error {
    let action = "cannot get random bytes from the operating system";
    state.stop(Stop::Fault(RunError::host_because(action, error)))
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface(wasi!("random/random"))?
        .func("get-random-bytes", |mut store, (len,): (u64,)| Ok((bytes(store.data_mut(), len)?,)))?
        .func("get-random-u64", |mut store, (): ()| Ok((number(store.data_mut())?,)))?;
    registry
        .interface(wasi!("random/insecure"))?
        .func("get-insecure-random-bytes", |mut store, (len,): (u64,)| Ok((bytes(store.data_mut(), len)?,)))?
        .func("get-insecure-random-u64", |mut store, (): ()| Ok((number(store.data_mut())?,)))?;
    registry.interface(wasi!("random/insecure-seed"))?.func("insecure-seed", |mut store, (): ()| {
        let state = store.data_mut();
        Ok(((number(state)?, number(state)?),))
    })?;
    Ok(())
}
