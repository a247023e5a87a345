//! Progress and chunks of output for the caller, during the run.
//!
//! A call counts as a host call, and its text counts as output. In tests on your own machine they do nothing.

/// Reports how far the work is: `done` of `total`, which is none if it is unknown. `note` can be empty.
pub fn report(done: u64, total: Option<u64>, note: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::host::progress::report(done, total, note);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (done, total, note);
}

/// Sends a chunk of output to the caller, ahead of the result.
pub fn emit(chunk: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::host::progress::emit(chunk);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = chunk;
}
