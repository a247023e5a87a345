//! Calls to other tools that the policy of the skill grants. Not lent yet: every call answers [`Error::Denied`], and
//! so it does in tests on your own machine.

pub use crate::host::skills::Error;

/// Calls a tool, named `skill_tool`, with a JSON object of arguments; gives its value as JSON.
///
/// # Errors
/// [`Error`] says why there is no value.
pub fn call(tool: &str, input: &str) -> Result<String, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::skills::call(tool, input);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (tool, input);
        Err(Error::Denied)
    }
}

/// Calls several at once, each a tool and its input; the answers come in the order of the calls.
///
/// # Errors
/// [`Error`] when none was called; each answer has its own besides.
pub fn call_many(calls: &[(String, String)]) -> Result<Vec<Result<String, Error>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::skills::call_many(calls);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = calls;
        Err(Error::Denied)
    }
}
