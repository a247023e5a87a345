//! `wasi:sockets` and the incoming side of `wasi:http`: nothing stands behind them.
//!
//! Every function returns the error of its own signature, or traps (`not-granted`) if it has none. Functions over a
//! response that a guest prepares do nothing, because no request comes that it could answer.
//!
//! The names are those of WASI 0.2.12. The types are the skill's own, because the host does nothing with them.

use wasmtime::StoreContextMut;
use wasmtime::component::{ResourceAny, ResourceType};

use super::http::{self, Fields, FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingResponse};
use super::http::{OutgoingBody, OutgoingRequest, RequestOptions};
use super::io::{self, InputStream, IoError, OutputStream, Pollable};
use super::io::{error_resource, input_resource, output_resource, pollable_resource};
use crate::capability::{Interface, Registry};
use crate::description::Access;
use crate::error::HostError;
use crate::state::GuestState;

/// A resource without instances.
#[derive(Debug)]
pub(crate) struct Nothing;

struct Stub {
    interface: &'static str,
    /// Resources that begin in this interface.
    resources: &'static [&'static str],
    functions: &'static [&'static str],
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    for stub in STUBS {
        let mut interface = registry.interface_as(stub.interface, Access::Empty)?;
        // Of `wasi:io`, under the name that these interfaces use.
        error_resource(&mut interface, "error")?;
        pollable_resource(&mut interface)?;
        input_resource(&mut interface)?;
        output_resource(&mut interface)?;
        for resource in stub.resources {
            interface.resource::<Nothing>(resource)?;
        }
        interface.refuse(stub.functions)?;
    }
    Ok(())
}

/// Adds the incoming side of `wasi:http/types`.
pub(super) fn link_incoming(types: &mut Interface<'_>) -> Result<(), HostError> {
    for resource in ["incoming-request", "response-outparam", "outgoing-response"] {
        types.resource::<Nothing>(resource)?;
    }
    types.hollow(INCOMING).map(drop)
}

/// Takes a handle that a guest has passed to a function without anything behind it, as its own type: that ends a borrow.
/// Frees its place if the guest gave it away. False if it is of an unknown kind.
pub(crate) fn take_back(store: &mut StoreContextMut<'_, GuestState>, handle: ResourceAny) -> bool {
    take::<Nothing>(store, handle, |_, _| {})
        || take::<Pollable>(store, handle, io::free_pollable)
        || take::<InputStream>(store, handle, io::free_input)
        || take::<OutputStream>(store, handle, io::free_output)
        || take::<IoError>(store, handle, io::free_error)
        || take::<Fields>(store, handle, http::free_fields)
        || take::<OutgoingRequest>(store, handle, http::free_request)
        || take::<RequestOptions>(store, handle, http::free_options)
        || take::<OutgoingBody>(store, handle, http::free_upload)
        || take::<FutureIncomingResponse>(store, handle, http::free_future)
        || take::<IncomingResponse>(store, handle, http::free_response)
        || take::<IncomingBody>(store, handle, http::free_body)
        || take::<FutureTrailers>(store, handle, http::free_trailers)
}

fn take<T: 'static>(
    store: &mut StoreContextMut<'_, GuestState>,
    handle: ResourceAny,
    free: fn(&mut GuestState, u32),
) -> bool {
    if handle.ty() != ResourceType::host::<T>() {
        return false;
    }
    let Ok(resource) = handle.try_into_resource::<T>(&mut *store) else { return false };
    if resource.owned() {
        free(store.data_mut(), resource.rep());
    }
    true
}

const STUBS: &[Stub] = &[
    Stub {
        interface: "wasi:sockets/network@0.2.12",
        resources: &["network"],
        functions: &["network-error-code"],
    },
    Stub {
        interface: "wasi:sockets/ip-name-lookup@0.2.12",
        resources: &["resolve-address-stream", "network"],
        functions: &[
            "[method]resolve-address-stream.resolve-next-address",
            "[method]resolve-address-stream.subscribe",
            "resolve-addresses",
        ],
    },
    Stub {
        interface: "wasi:sockets/tcp@0.2.12",
        resources: &["tcp-socket", "network"],
        functions: &[
            "[method]tcp-socket.start-bind",
            "[method]tcp-socket.finish-bind",
            "[method]tcp-socket.start-connect",
            "[method]tcp-socket.finish-connect",
            "[method]tcp-socket.start-listen",
            "[method]tcp-socket.finish-listen",
            "[method]tcp-socket.accept",
            "[method]tcp-socket.local-address",
            "[method]tcp-socket.remote-address",
            "[method]tcp-socket.is-listening",
            "[method]tcp-socket.address-family",
            "[method]tcp-socket.set-listen-backlog-size",
            "[method]tcp-socket.keep-alive-enabled",
            "[method]tcp-socket.set-keep-alive-enabled",
            "[method]tcp-socket.keep-alive-idle-time",
            "[method]tcp-socket.set-keep-alive-idle-time",
            "[method]tcp-socket.keep-alive-interval",
            "[method]tcp-socket.set-keep-alive-interval",
            "[method]tcp-socket.keep-alive-count",
            "[method]tcp-socket.set-keep-alive-count",
            "[method]tcp-socket.hop-limit",
            "[method]tcp-socket.set-hop-limit",
            "[method]tcp-socket.receive-buffer-size",
            "[method]tcp-socket.set-receive-buffer-size",
            "[method]tcp-socket.send-buffer-size",
            "[method]tcp-socket.set-send-buffer-size",
            "[method]tcp-socket.subscribe",
            "[method]tcp-socket.shutdown",
        ],
    },
    Stub {
        interface: "wasi:sockets/tcp-create-socket@0.2.12",
        resources: &["network", "tcp-socket"],
        functions: &["create-tcp-socket"],
    },
    Stub {
        interface: "wasi:sockets/udp@0.2.12",
        resources: &["udp-socket", "incoming-datagram-stream", "outgoing-datagram-stream", "network"],
        functions: &[
            "[method]udp-socket.start-bind",
            "[method]udp-socket.finish-bind",
            "[method]udp-socket.stream",
            "[method]udp-socket.local-address",
            "[method]udp-socket.remote-address",
            "[method]udp-socket.address-family",
            "[method]udp-socket.unicast-hop-limit",
            "[method]udp-socket.set-unicast-hop-limit",
            "[method]udp-socket.receive-buffer-size",
            "[method]udp-socket.set-receive-buffer-size",
            "[method]udp-socket.send-buffer-size",
            "[method]udp-socket.set-send-buffer-size",
            "[method]udp-socket.subscribe",
            "[method]incoming-datagram-stream.receive",
            "[method]incoming-datagram-stream.subscribe",
            "[method]outgoing-datagram-stream.check-send",
            "[method]outgoing-datagram-stream.send",
            "[method]outgoing-datagram-stream.subscribe",
        ],
    },
    Stub {
        interface: "wasi:sockets/udp-create-socket@0.2.12",
        resources: &["network", "udp-socket"],
        functions: &["create-udp-socket"],
    },
];

const INCOMING: &[&str] = &[
    "[method]incoming-request.method",
    "[method]incoming-request.path-with-query",
    "[method]incoming-request.scheme",
    "[method]incoming-request.authority",
    "[method]incoming-request.headers",
    "[method]incoming-request.consume",
    "[method]response-outparam.send-informational",
    "[static]response-outparam.set",
    "[constructor]outgoing-response",
    "[method]outgoing-response.status-code",
    "[method]outgoing-response.set-status-code",
    "[method]outgoing-response.headers",
    "[method]outgoing-response.body",
];
