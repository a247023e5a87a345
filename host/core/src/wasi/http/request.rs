//! `outgoing-request` and `request-options`: what a guest prepares before it sends.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;

use super::fields::{self, Field, FieldList, Fields, is_token, length_of};
use super::upload::{OutgoingBody, Reader, Upload, body_handle};
use super::wit::{Method, Scheme};
use crate::capability::GrantedInterface;
use crate::error::HostError;
use crate::grants::HttpRequest;
use crate::state::GuestState;
use crate::wasi::http_error::ErrorCode;
use crate::wasi::io::too_many;

/// `types.outgoing-request`
#[derive(Debug)]
pub(crate) struct OutgoingRequest;

/// `types.request-options`
#[derive(Debug)]
pub(crate) struct RequestOptions;

/// Maximum bytes of a path with its query, as of a URL.
const PATH: usize = 8192;

/// Maximum bytes of an authority: a domain name and a port, with room.
const AUTHORITY: usize = 300;

/// Maximum bytes of a method or a scheme.
const NAME: usize = 64;

/// A request under preparation.
#[derive(Debug)]
pub(super) struct Draft {
    headers: FieldList,
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    /// The end of the body from which the host reads.
    body: Option<Reader>,
}

/// Times of `request-options`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timeouts {
    pub(super) connect: Option<Duration>,
    pub(super) first_byte: Option<Duration>,
    pub(super) between_bytes: Option<Duration>,
}

impl Draft {
    /// Returns the length that `content-length` declares.
    fn declared(&self) -> Option<u64> {
        let length = self.headers.entries().iter().find(|(name, _)| name == "content-length");
        length.and_then(|(_, value)| length_of(value))
    }

    /// Bytes that the run pays for its headers.
    pub(super) fn charged(&self) -> u64 {
        self.headers.charged()
    }

    /// Makes what is sent, with its body beside it. The parts are joined here, and whoever sends it reads the whole as
    /// one URL.
    pub(super) fn into_request(
        self,
        state: &mut GuestState,
    ) -> Result<(HttpRequest, Option<Reader>), ErrorCode> {
        fields::refund(state, self.headers.charged());
        match self.method {
            Method::Connect | Method::Trace => return Err(ErrorCode::RequestMethodInvalid),
            Method::Get
            | Method::Head
            | Method::Post
            | Method::Put
            | Method::Delete
            | Method::Options
            | Method::Patch
            | Method::Other(_) => {}
        }
        let (scheme, port) = match &self.scheme {
            Some(Scheme::Http) => ("http", ":80"),
            Some(Scheme::Https) | None => ("https", ":443"),
            Some(Scheme::Other(_)) => return Err(ErrorCode::ProtocolError),
        };
        let authority = self.authority.as_deref().unwrap_or_default();
        // URLs have no default port written out.
        let authority = authority.strip_suffix(port).unwrap_or(authority);
        // A reader would take the start of the path as the host.
        if authority.is_empty() {
            return Err(ErrorCode::RequestUriInvalid);
        }
        let path = self.path.as_deref().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut request =
            HttpRequest::new(self.method.as_str(), format!("{scheme}://{authority}{slash}{path}"));
        if self.body.is_none() && self.declared().is_some_and(|length| length > 0) {
            return Err(ErrorCode::RequestBodySize(Some(0)));
        }
        let headers = Arc::clone(self.headers.entries());
        drop(self.headers);
        let headers = Arc::unwrap_or_clone(headers).into_iter();
        request.headers = headers.filter(|(name, _)| name != "content-length").collect::<Vec<Field>>();
        Ok((request, self.body))
    }
}

/// Returns whether a text can be a path with a query: the URL's parts before and behind it must not be in it.
fn is_path(path: &str) -> bool {
    let starts = path.is_empty() || path.starts_with(['/', '?']);
    starts
        && path.len() <= PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\')
}

fn is_authority(authority: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]!$&'()*+,;=%".contains(&byte);
    authority.len() <= AUTHORITY && authority.bytes().all(good)
}

fn is_method(method: &Method) -> bool {
    match method {
        Method::Other(name) => name.len() <= NAME && is_token(name),
        Method::Get
        | Method::Head
        | Method::Post
        | Method::Put
        | Method::Delete
        | Method::Connect
        | Method::Options
        | Method::Trace
        | Method::Patch => true,
    }
}

fn is_scheme(scheme: &Scheme) -> bool {
    match scheme {
        Scheme::Http | Scheme::Https => true,
        Scheme::Other(name) => {
            name.len() <= NAME
                && name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        }
    }
}

fn draft<'a>(state: &'a GuestState, request: &Resource<OutgoingRequest>) -> Option<&'a Draft> {
    state.wasi.http.parts()?.requests.get(request.rep())
}

/// Sets a part of a request.
fn set(
    state: &mut GuestState,
    request: &Resource<OutgoingRequest>,
    good: bool,
    change: impl FnOnce(&mut Draft),
) -> Result<(), ()> {
    let draft = state.wasi.http.parts_mut().requests.get_mut(request.rep()).filter(|_| good).ok_or(())?;
    change(draft);
    Ok(())
}

pub(crate) fn free_request(state: &mut GuestState, handle: u32) {
    if let Some(draft) = state.wasi.http.parts_mut().requests.remove(handle) {
        fields::refund(state, draft.headers.charged());
    }
}

pub(crate) fn free_options(state: &mut GuestState, handle: u32) {
    state.wasi.http.parts_mut().options.remove(handle);
}

/// Makes a request of headers, which the guest can change no more.
fn create(state: &mut GuestState, headers: &Resource<Fields>) -> wasmtime::Result<Resource<OutgoingRequest>> {
    let headers = fields::take(state, headers);
    let draft = Draft { headers, method: Method::Get, scheme: None, authority: None, path: None, body: None };
    let handle = state.wasi.http.parts_mut().requests.add(draft);
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "requests"))?))
}

/// Makes the body of a request, once.
fn body(
    state: &mut GuestState,
    request: &Resource<OutgoingRequest>,
) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
    let Some(draft) = draft(state, request).filter(|draft| draft.body.is_none()) else { return Ok(Err(())) };
    let (upload, reader) = Upload::open(draft.declared());
    let handle = body_handle(state, upload)?;
    let _ = set(state, request, true, |draft| draft.body = Some(reader));
    Ok(Ok(handle))
}

pub(super) fn request_resource(interface: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    let free =
        |state: &mut GuestState, request: Resource<OutgoingRequest>| free_request(state, request.rep());
    interface.resource_with("outgoing-request", free).map(drop)
}

pub(super) fn options_resource(interface: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    let free = |state: &mut GuestState, options: Resource<RequestOptions>| free_options(state, options.rep());
    interface.resource_with("request-options", free).map(drop)
}

pub(super) fn link(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    request_resource(types)?;
    types
        .func("[constructor]outgoing-request", |mut store, (headers,): (Resource<Fields>,)| {
            Ok((create(store.data_mut(), &headers)?,))
        })?
        .func("[method]outgoing-request.body", |mut store, (request,): (Resource<OutgoingRequest>,)| {
            Ok((body(store.data_mut(), &request)?,))
        })?
        .func("[method]outgoing-request.headers", |mut store, (request,): (Resource<OutgoingRequest>,)| {
            let state = store.data_mut();
            let entries = draft(state, &request).map(|draft| Arc::clone(draft.headers.entries()));
            let list = FieldList::of_request(state, entries.unwrap_or_default())?;
            Ok((fields::handle(state, list)?,))
        })?
        .func("[method]outgoing-request.method", |store, (request,): (Resource<OutgoingRequest>,)| {
            let draft = draft(store.data(), &request);
            Ok((draft.map_or(Method::Get, |draft| draft.method.clone()),))
        })?
        .func("[method]outgoing-request.scheme", |store, (request,): (Resource<OutgoingRequest>,)| {
            Ok((draft(store.data(), &request).and_then(|draft| draft.scheme.clone()),))
        })?
        .func("[method]outgoing-request.authority", |store, (request,): (Resource<OutgoingRequest>,)| {
            Ok((draft(store.data(), &request).and_then(|draft| draft.authority.clone()),))
        })?
        .func(
            "[method]outgoing-request.path-with-query",
            |store, (request,): (Resource<OutgoingRequest>,)| {
                Ok((draft(store.data(), &request).and_then(|draft| draft.path.clone()),))
            },
        )?
        .func(
            "[method]outgoing-request.set-method",
            |mut store, (request, method): (Resource<OutgoingRequest>, Method)| {
                let good = is_method(&method);
                Ok((set(store.data_mut(), &request, good, |draft| draft.method = method),))
            },
        )?
        .func(
            "[method]outgoing-request.set-scheme",
            |mut store, (request, scheme): (Resource<OutgoingRequest>, Option<Scheme>)| {
                let good = scheme.as_ref().is_none_or(is_scheme);
                Ok((set(store.data_mut(), &request, good, |draft| draft.scheme = scheme),))
            },
        )?
        .func(
            "[method]outgoing-request.set-authority",
            |mut store, (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
                let good = authority.as_deref().is_none_or(is_authority);
                Ok((set(store.data_mut(), &request, good, |draft| draft.authority = authority),))
            },
        )?
        .func(
            "[method]outgoing-request.set-path-with-query",
            |mut store, (request, path): (Resource<OutgoingRequest>, Option<String>)| {
                let good = path.as_deref().is_none_or(is_path);
                Ok((set(store.data_mut(), &request, good, |draft| draft.path = path),))
            },
        )?;
    link_options(types)
}

fn link_options(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    options_resource(types)?;
    types.func("[constructor]request-options", |mut store, (): ()| {
        let state = store.data_mut();
        let handle = state.wasi.http.parts_mut().options.add(Timeouts::default());
        Ok((Resource::<RequestOptions>::new_own(handle.ok_or_else(|| too_many(state, "request options"))?),))
    })?;
    type Part = fn(&mut Timeouts) -> &mut Option<Duration>;
    let parts: [(&str, Part); 3] = [
        ("connect-timeout", |timeouts| &mut timeouts.connect),
        ("first-byte-timeout", |timeouts| &mut timeouts.first_byte),
        ("between-bytes-timeout", |timeouts| &mut timeouts.between_bytes),
    ];
    for (name, part) in parts {
        let get = format!("[method]request-options.{name}");
        types.func(&get, move |mut store, (options,): (Resource<RequestOptions>,)| {
            let timeouts = store.data_mut().wasi.http.parts_mut().options.get_mut(options.rep());
            let time = timeouts.and_then(|timeouts| *part(timeouts));
            Ok((time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),))
        })?;
        let set = format!("[method]request-options.set-{name}");
        types.func(&set, move |mut store, (options, time): (Resource<RequestOptions>, Option<u64>)| {
            let timeouts = store.data_mut().wasi.http.parts_mut().options.get_mut(options.rep());
            if let Some(timeouts) = timeouts {
                *part(timeouts) = time.map(Duration::from_nanos);
            }
            Ok((Result::<(), ()>::Ok(()),))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_no_other_host() {
        for good in ["", "/", "/a/b?c=d", "?q", "//x", "/http://evil/"] {
            assert!(is_path(good), "{good}");
        }
        for bad in
            ["http://evil/", "evil.com", "*", "@evil", "/a#b", "/a b", "/\r\nhost: evil", "\\evil", "/é"]
        {
            assert!(!is_path(bad), "{bad:?}");
        }
        assert!(is_path(&format!("/{}", "a".repeat(PATH - 1))));
        assert!(!is_path(&format!("/{}", "a".repeat(PATH))));
    }

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        for good in ["example.com", "example.com:8080", "[::1]:80", "127.0.0.1"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["a@b", "a/b", "a?b", "a#b", "a b", "a\\b", "é.com", "a\r\nb"] {
            assert!(!is_authority(bad), "{bad:?}");
        }
        assert!(is_authority(&"a".repeat(AUTHORITY)));
        assert!(!is_authority(&"a".repeat(AUTHORITY + 1)));
    }
}
