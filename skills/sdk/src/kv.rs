//! Keys and values that only this skill sees. Not lent yet: every call answers [`Error::Denied`], and so it does in
//! tests on your own machine.

pub use crate::host::kv::Error;

/// The value of a key; none when there is no such key.
///
/// # Errors
/// [`Error`] says why it did not work.
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
/// [`Error`] says why it did not work.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::set(key, value);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (key, value);
        Err(Error::Denied)
    }
}

/// Deletes a key; says whether it was there.
///
/// # Errors
/// [`Error`] says why it did not work.
pub fn delete(key: &str) -> Result<bool, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::delete(key);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = key;
        Err(Error::Denied)
    }
}

/// Keys that begin with `prefix`, in their order, at most `limit` of them, after the key `after`.
///
/// # Errors
/// [`Error`] says why it did not work.
pub fn list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::kv::list(prefix, after, limit);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (prefix, after, limit);
        Err(Error::Denied)
    }
}
