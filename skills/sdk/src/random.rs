//! Random numbers of the run, fit for keys; `std` has none in a skill.
//!
//! The caller can fix them (`ringfence run --seed`); they then repeat.

/// Returns a uniformly distributed random number.
pub fn number() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return crate::host::wasi::random::get_random_u64();
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::hash::{BuildHasher as _, RandomState};
        // Each state has keys of its own. Good enough for tests on your own machine, and nowhere else used.
        RandomState::new().hash_one(0_u64)
    }
}

/// Fills `bytes` with random bytes.
pub fn fill(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(8) {
        for (byte, random) in part.iter_mut().zip(number().to_le_bytes()) {
            *byte = random;
        }
    }
}
