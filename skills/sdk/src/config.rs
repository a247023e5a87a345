//! Values that the operator sets for the skill: names, addresses, switches. No secrets.
//!
//! Without a grant there are no values, and in tests on your own machine there are none either. Each call counts as a
//! host call.

/// Returns the value of a key, or none.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::capabilities::config::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = key;
        None
    }
}

/// Returns all keys and values, in the order of the keys.
#[must_use]
pub fn get_all() -> Vec<(String, String)> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::capabilities::config::get_all();
    #[cfg(not(target_arch = "wasm32"))]
    Vec::new()
}
