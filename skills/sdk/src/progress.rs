//! News and pieces of output for the caller, while the run goes on.
//!
//! Both functions cost a host call, and their texts count as output. In tests on your own machine they do nothing.

/// Says how far the work is: `done` of `total`, which is none where it is not known. `note` may be empty.
pub fn report(done: u64, total: Option<u64>, note: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::host::progress::report(done, total, note);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (done, total, note);
}

/// Hands a piece of output to the caller, ahead of the result.
pub fn emit(chunk: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::host::progress::emit(chunk);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = chunk;
}
