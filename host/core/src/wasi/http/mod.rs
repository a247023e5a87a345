//! `wasi:http`: requests of guests that know the standard interface, through the run's grant of [`crate::Http`].
//!
//! - [`fields`]: headers. [`request`]: what a guest prepares. [`upload`]: the body that it sends.
//! - [`exchange`]: what is under way, and the response. [`download`]: the body that it reads.
//! - [`wit`]: types. Errors are in `http_error.rs`, which `wasi:io` uses as well.
//!
//! It counts as `http` does: the same usage, the same denials, the same grant. Redirects are returned, trailers are
//! neither sent nor passed on. The interface `incoming-handler` has nothing behind it: its resources are in `stubs.rs`.

mod download;
mod exchange;
mod fields;
mod request;
mod upload;
mod wit;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::io::{Failure, IoError, error_resource, input_resource, output_resource};
use super::table::Table;
use super::wasi;
use crate::capability::{Interface, Registry, Stub};
use crate::description::Access;
use crate::error::HostError;
use crate::state::GuestState;
pub(super) use exchange::{
    FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingResponse, free_body, free_future,
    free_response, free_trailers,
};
pub(super) use fields::{Fields, free as free_fields};
pub(super) use request::{OutgoingRequest, RequestOptions, free_options, free_request};
pub(super) use upload::{OutgoingBody, free as free_upload};

/// Maximum number of a run's requests at once, until the last byte of their responses.
const REQUESTS: usize = 256;

/// `wasi:http`'s part of a run's state. It begins with the first use.
#[derive(Debug, Default)]
pub(super) struct HttpState(Option<Box<Parts>>);

#[derive(Default)]
struct Parts {
    fields: Table<fields::FieldList>,
    /// What [`fields`] charges.
    field_bytes: u64,
    requests: Table<request::Draft>,
    options: Table<request::Timeouts>,
    uploads: Table<upload::Writer>,
    exchanges: Table<Arc<exchange::Exchange>>,
    responses: Table<exchange::Response>,
    incoming: Table<exchange::Incoming>,
    trailers: Table<exchange::Trailers>,
    slots: Slots,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Counts requests that are under way by their slots.
#[derive(Debug, Default)]
struct Slots(Arc<()>);

/// The place of a request. Dropping it frees it.
#[derive(Debug)]
struct Slot(#[expect(dead_code, reason = "it is counted")] Arc<()>);

impl Slots {
    fn take(&self) -> Option<Slot> {
        (Arc::strong_count(&self.0) <= REQUESTS).then(|| Slot(Arc::clone(&self.0)))
    }
}

impl HttpState {
    fn parts(&self) -> Option<&Parts> {
        self.0.as_deref()
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.0.get_or_insert_default()
    }
}

/// Counts what came back and the guest never asked for. The run has ended.
pub(super) fn finish(state: &mut GuestState) {
    let Some(parts) = state.wasi.http.0.take() else { return };
    for exchange in parts.exchanges.values() {
        exchange.finish(state);
    }
}

/// Links the interfaces. `incoming` adds what `types` has beside the outgoing side.
pub(super) fn link(
    registry: &mut Registry,
    incoming: impl FnOnce(&mut Interface<'_>) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let mut types = registry.granted(wasi!("http/types"), Access::Always, Stub::Hollow)?;
    error_resource(&mut types, "io-error")?;
    input_resource(&mut types)?;
    output_resource(&mut types)?;
    fields::link(&mut types)?;
    request::link(&mut types)?;
    upload::link(&mut types)?;
    exchange::link(&mut types)?;
    types.func("http-error-code", |store, (error,): (Resource<IoError>,)| {
        Ok((match store.data().wasi.io.failure(&error) {
            Some(Failure::Http(code)) => Some(code.clone()),
            Some(Failure::File(_)) | None => None,
        },))
    })?;
    incoming(&mut types)?;
    exchange::link_handler(registry)
}
