//! HTTP requests to hosts that the operator grants to the skill. Not available yet: every call returns
//! [`Error::Denied`], also in tests on your own machine.

pub use crate::host::http::{Error, Header, Request, Response};

/// Sends a request and waits for the whole response.
///
/// # Errors
/// [`Error`] says why there is no response.
pub fn fetch(request: &Request) -> Result<Response, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::http::fetch(request);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = request;
        Err(Error::Denied)
    }
}

/// Sends several requests at once; the answers have the order of the requests.
///
/// # Errors
/// Fails with an [`Error`] if it sent none; each answer has an error of its own.
pub fn fetch_many(requests: &[Request]) -> Result<Vec<Result<Response, Error>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::http::fetch_many(requests);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = requests;
        Err(Error::Denied)
    }
}
