//! Calls to other tools that the operator grants to the skill. Not available yet: every call returns
//! [`Error::Denied`], also in tests on your own machine.

pub use crate::host::skills::Error;

/// Calls the tool `skill_tool` with a JSON object of arguments; returns its value as JSON.
///
/// # Errors
/// [`Error`] says why the call returned no value.
pub fn call(tool: &str, input: &str) -> Result<String, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::skills::call(tool, input);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (tool, input);
        Err(Error::Denied)
    }
}

/// Calls several tools at once, each with its input; the answers have the order of the calls.
///
/// # Errors
/// Fails with an [`Error`] if it called none; each answer has an error of its own.
pub fn call_many(calls: &[(String, String)]) -> Result<Vec<Result<String, Error>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::skills::call_many(calls);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = calls;
        Err(Error::Denied)
    }
}
