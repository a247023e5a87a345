//! Secrets that the host adds to granted requests. A skill never sees their values.

/// Returns whether the operator granted a secret of this name to the skill, and the host has its value. Counts as a
/// host call.
///
/// In tests on your own machine no secret exists.
#[must_use]
pub fn exists(name: &str) -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::host::capabilities::secrets::exists(name);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = name;
        false
    }
}
