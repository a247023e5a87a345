//! The way to a server whose addresses are checked: dial or tunnel, then TLS with the granted name.

use std::net::SocketAddr;
use std::sync::Arc;

use ringfence_policy::{Target, TargetError, TargetHost};
use rustls_pki_types::{DnsName, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use crate::config::DoorConfig;
use crate::dial::dial;
use crate::error::{EgressError, Invalid};
use crate::proxy::through;
use crate::stream::Stream;

/// Connects to one of the checked addresses. Returns the address as well.
pub(crate) async fn connect(
    config: &DoorConfig,
    target: &Target,
    addresses: &[SocketAddr],
    tls: Option<&Arc<ClientConfig>>,
) -> Result<(Stream, SocketAddr), EgressError> {
    let host = || target.host().to_string();
    let (stream, used) = match &config.proxy {
        Some(proxy) => {
            let opened = through(proxy, &*config.resolver, &config.dial, addresses).await;
            opened.map_err(|reason| EgressError::Proxy { host: host(), reason })?
        }
        None => {
            let connected = dial(addresses, &config.dial).await;
            let stream = connected.map_err(|source| EgressError::Connect { host: host(), source })?;
            let used = stream.peer_addr().map_err(EgressError::Broken)?;
            (stream, used)
        }
    };
    let Some(tls) = tls else { return Ok((Stream::Plain(stream), used)) };
    let name = match target.host() {
        TargetHost::Name(name) => DnsName::try_from(name.clone()).map(ServerName::DnsName).ok(),
        TargetHost::Address(address) => Some(ServerName::from(*address)),
    };
    let name = name.ok_or(Invalid::Url(TargetError::Host))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    let stream = stream.map_err(|source| EgressError::Tls { host: host(), source })?;
    Ok((Stream::Tls(Box::new(stream)), used))
}
