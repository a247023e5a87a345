//! Requests to hosts that the policy of the skill grants. Not lent yet: every call answers [`Error::Denied`], and so
//! it does in tests on your own machine.

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

/// Sends several at once; the answers come in the order of the requests.
///
/// # Errors
/// [`Error`] when none was sent; each answer has its own besides.
pub fn fetch_many(requests: &[Request]) -> Result<Vec<Result<Response, Error>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return crate::host::http::fetch_many(requests);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = requests;
        Err(Error::Denied)
    }
}
