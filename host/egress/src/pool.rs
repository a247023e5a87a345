//! Idle connections, for the next request to the same checked address.
//!
//! A connection is used again only by the same skill and principal, for the same host, with the same TLS configuration,
//! and only after the address passed the check of the new request.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::exchange::Link;

/// How long a connection stays idle. Servers commonly close theirs later.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections of one key.
const OF_ONE: usize = 16;
/// Idle connections of all.
const OF_ALL: usize = 256;

/// What two requests have in common that may use one connection.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    /// The skill and the principal.
    pub(crate) share: Arc<str>,
    /// The TLS configuration itself: a renewed file makes a new one.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Key {
    fn tls_pointer(&self) -> usize {
        self.tls.as_ref().map_or(0, |config| Arc::as_ptr(config).addr())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
            && self.host == other.host
            && self.share == other.share
            && self.tls_pointer() == other.tls_pointer()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.address.hash(hasher);
        self.host.hash(hasher);
        self.share.hash(hasher);
        self.tls_pointer().hash(hasher);
    }
}

/// The idle connections of a door.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Key, Vec<(Link, Instant)>>>,
}

impl Pool {
    /// Takes a connection that is still open.
    pub(crate) async fn take(&self, key: &Key) -> Option<Link> {
        loop {
            let (mut link, since) = self.pop(key)?;
            if since.elapsed() > IDLE {
                continue;
            }
            link.wire.begin();
            // An unpolled connection notices only now that the server closed it or sent something unasked.
            let open = poll_fn(|context| {
                let ended = link.connection.as_mut().poll(context).is_ready();
                Poll::Ready(!ended && link.sender.is_ready())
            });
            if open.await {
                return Some(link);
            }
        }
    }

    fn pop(&self, key: &Key) -> Option<(Link, Instant)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let links = idle.get_mut(key)?;
        let link = links.pop();
        if links.is_empty() {
            idle.remove(key);
        }
        link
    }

    /// Keeps a connection whose response was read to its end.
    pub(crate) fn put(&self, key: Key, link: Link) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() >= OF_ALL {
            idle.retain(|_, links| {
                links.retain(|(_, since)| since.elapsed() <= IDLE);
                !links.is_empty()
            });
            if idle.values().map(Vec::len).sum::<usize>() >= OF_ALL {
                return;
            }
        }
        let links = idle.entry(key).or_default();
        if links.len() < OF_ONE {
            links.push((link, Instant::now()));
        }
    }
}
