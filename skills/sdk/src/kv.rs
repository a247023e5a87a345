//! Keys and values that only this skill sees. Not available yet: every call returns [`Error::Denied`], also in tests
//! on your own machine.

pub use crate::host::kv::Error;

/// Returns the value of a key, or none if the key does not exist.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = key;
        Err(Error::Denied)
    }
}

/// Sets the value of a key.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::set(key, value);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (key, value);
        Err(Error::Denied)
    }
}

/// Deletes a key; returns whether it existed.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn delete(key: &str) -> Result<bool, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::delete(key);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = key;
        Err(Error::Denied)
    }
}

/// Lists keys that begin with `prefix`, in order: at most `limit`, and only those after the key `after`.
///
/// # Errors
/// [`Error`] says why the call failed.
pub fn list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::list(prefix, after, limit);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (prefix, after, limit);
        Err(Error::Denied)
    }
}
