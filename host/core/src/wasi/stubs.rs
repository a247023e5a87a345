//! `wasi:filesystem`, `wasi:sockets` and `wasi:http`: interfaces without anything behind them.
//!
//! Every function returns the error of its own signature, or traps (`not-granted`) if it has none. Functions that prepare
//! an HTTP request do nothing, so that a guest's `fetch` reaches `outgoing-handler.handle`, whose error it can catch.
//!
//! The names are those of WASI 0.2.12. The types are the skill's own, because the host does nothing with them.

use super::io::{InputStream, IoError, OutputStream, Pollable};
use crate::capability::Registry;
use crate::description::Access;
use crate::error::HostError;

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
        // Of `wasi:io`, under the names that these interfaces use.
        interface.resource::<IoError>("error")?.resource::<IoError>("io-error")?;
        interface.resource::<Pollable>("pollable")?;
        interface.resource::<InputStream>("input-stream")?;
        interface.resource::<OutputStream>("output-stream")?;
        for resource in stub.resources {
            interface.resource::<Nothing>(resource)?;
        }
        if stub.interface.starts_with("wasi:http/types") {
            interface.hollow(stub.functions)?;
        } else {
            interface.refuse(stub.functions)?;
        }
    }
    Ok(())
}

const STUBS: &[Stub] = &[
    Stub {
        interface: "wasi:filesystem/types@0.2.12",
        resources: &["descriptor", "directory-entry-stream"],
        functions: &[
            "[method]descriptor.read-via-stream",
            "[method]descriptor.write-via-stream",
            "[method]descriptor.append-via-stream",
            "[method]descriptor.advise",
            "[method]descriptor.sync-data",
            "[method]descriptor.get-flags",
            "[method]descriptor.get-type",
            "[method]descriptor.set-size",
            "[method]descriptor.set-times",
            "[method]descriptor.read",
            "[method]descriptor.write",
            "[method]descriptor.read-directory",
            "[method]descriptor.sync",
            "[method]descriptor.create-directory-at",
            "[method]descriptor.stat",
            "[method]descriptor.stat-at",
            "[method]descriptor.set-times-at",
            "[method]descriptor.link-at",
            "[method]descriptor.open-at",
            "[method]descriptor.readlink-at",
            "[method]descriptor.remove-directory-at",
            "[method]descriptor.rename-at",
            "[method]descriptor.symlink-at",
            "[method]descriptor.unlink-file-at",
            "[method]descriptor.is-same-object",
            "[method]descriptor.metadata-hash",
            "[method]descriptor.metadata-hash-at",
            "[method]directory-entry-stream.read-directory-entry",
            "filesystem-error-code",
        ],
    },
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
    Stub {
        interface: "wasi:http/types@0.2.12",
        resources: &[
            "fields",
            "incoming-request",
            "outgoing-request",
            "request-options",
            "response-outparam",
            "incoming-response",
            "incoming-body",
            "future-trailers",
            "outgoing-response",
            "outgoing-body",
            "future-incoming-response",
            "headers",
            "trailers",
        ],
        functions: &[
            "[constructor]fields",
            "[static]fields.from-list",
            "[method]fields.get",
            "[method]fields.has",
            "[method]fields.set",
            "[method]fields.delete",
            "[method]fields.append",
            "[method]fields.entries",
            "[method]fields.clone",
            "[method]incoming-request.method",
            "[method]incoming-request.path-with-query",
            "[method]incoming-request.scheme",
            "[method]incoming-request.authority",
            "[method]incoming-request.headers",
            "[method]incoming-request.consume",
            "[constructor]outgoing-request",
            "[method]outgoing-request.body",
            "[method]outgoing-request.method",
            "[method]outgoing-request.set-method",
            "[method]outgoing-request.path-with-query",
            "[method]outgoing-request.set-path-with-query",
            "[method]outgoing-request.scheme",
            "[method]outgoing-request.set-scheme",
            "[method]outgoing-request.authority",
            "[method]outgoing-request.set-authority",
            "[method]outgoing-request.headers",
            "[constructor]request-options",
            "[method]request-options.connect-timeout",
            "[method]request-options.set-connect-timeout",
            "[method]request-options.first-byte-timeout",
            "[method]request-options.set-first-byte-timeout",
            "[method]request-options.between-bytes-timeout",
            "[method]request-options.set-between-bytes-timeout",
            "[method]response-outparam.send-informational",
            "[static]response-outparam.set",
            "[method]incoming-response.status",
            "[method]incoming-response.headers",
            "[method]incoming-response.consume",
            "[method]incoming-body.stream",
            "[static]incoming-body.finish",
            "[method]future-trailers.subscribe",
            "[method]future-trailers.get",
            "[constructor]outgoing-response",
            "[method]outgoing-response.status-code",
            "[method]outgoing-response.set-status-code",
            "[method]outgoing-response.headers",
            "[method]outgoing-response.body",
            "[method]outgoing-body.write",
            "[static]outgoing-body.finish",
            "[method]future-incoming-response.subscribe",
            "[method]future-incoming-response.get",
            "http-error-code",
        ],
    },
    Stub {
        interface: "wasi:http/outgoing-handler@0.2.12",
        resources: &["outgoing-request", "request-options", "future-incoming-response"],
        functions: &["handle"],
    },
];
