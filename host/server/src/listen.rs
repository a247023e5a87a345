//! Accepts connections, limits their number and slowness, speaks TLS, and ends them when the server stops.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ringfence_front::connection::{Closed, Connection, refuse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::{TlsAcceptor, rustls};
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::app::App;

/// Maximum bytes that a connection buffers of a request's head, and of a response.
const BUFFER: usize = 64 << 10;

/// Pause after a failed accept, for example because of too many open files.
const RECOVER: Duration = Duration::from_millis(50);

/// The TLS configuration with the certificate; a reload replaces it.
pub(crate) type Certificate = Arc<ArcSwap<rustls::ServerConfig>>;

/// Accepts connections until the server stops, and then waits for the open ones.
pub(crate) struct Connections<S> {
    pub(crate) app: App,
    /// The service that answers requests.
    pub(crate) service: S,
    pub(crate) certificate: Option<Certificate>,
}

impl<S> Connections<S>
where
    S: Service<http::Request<Incoming>, Response = Response, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    /// Accepts until `app.work().stopping`, and then waits for open requests, at most for the configured time.
    ///
    /// Returns true if all ended by themselves.
    pub(crate) async fn serve(self, listener: TcpListener) -> bool {
        let this = Arc::new(self);
        let config = this.app.operator().config.load_full();
        let places = Arc::new(Semaphore::new(config.listen.connections.as_usize()));
        let peers = Arc::new(Peers::new(config.listen.connections_per_address.get()));
        let tracker = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = this.app.work().stopping.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(RECOVER).await;
                    continue;
                }
            };
            let place = Arc::clone(&places).try_acquire_owned().ok().zip(peers.enter(peer.ip()));
            let Some(place) = place else {
                this.app.operator().metrics.denied("too-many-connections");
                // A connection with TLS just closes.
                if this.certificate.is_none() {
                    tracker.spawn(refuse(stream));
                }
                continue;
            };
            let this = Arc::clone(&this);
            tracker.spawn(async move {
                let _place = place;
                this.app.operator().metrics.connections.inc();
                tokio::select! {
                    () = this.connection(stream, peer) => {}
                    () = this.app.work().abort.cancelled() => {}
                }
                this.app.operator().metrics.connections.dec();
            });
        }
        drop(listener);
        tracker.close();
        this.app.work().tasks.close();
        let ended = async {
            tracker.wait().await;
            this.app.work().tasks.wait().await;
        };
        if tokio::time::timeout(config.listen.shutdown_timeout.get(), ended).await.is_ok() {
            return true;
        }
        tracing::warn!("shutdown timeout reached; cancelling running calls");
        this.app.work().stop_runs.cancel();
        // Runs end at once and are told as cancelled; what does not take that is dropped.
        let _ = tokio::time::timeout(Duration::from_secs(1), tracker.wait()).await;
        this.app.work().abort.cancel();
        tracker.wait().await;
        false
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        // Answers are written whole: waiting for more to send with them only delays them.
        let _ = stream.set_nodelay(true);
        let (head, write) = {
            let config = self.app.operator().config.load();
            (config.listen.header_timeout.get(), config.listen.write_timeout.get())
        };
        // The HTTP layer looks for the end of the connection only while it has read nothing beyond the request: one byte
        // of a next one, and a run would go on for somebody who is gone.
        let closed = match stream.as_fd().try_clone_to_owned().and_then(Closed::new) {
            Ok(closed) => closed,
            Err(error) => {
                tracing::warn!(error = error.to_string().as_str(), "cannot monitor a connection");
                return;
            }
        };
        let served = async {
            match &self.certificate {
                None => self.http(Connection::new(stream, write, BUFFER), head).await,
                Some(certificate) => {
                    let acceptor = TlsAcceptor::from(certificate.load_full());
                    match tokio::time::timeout(head, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => self.http(Connection::new(stream, write, BUFFER), head).await,
                        Ok(Err(error)) => Err(error.to_string()),
                        Err(_) => Err("the TLS handshake timed out".to_owned()),
                    }
                }
            }
        };
        let ended = tokio::select! {
            biased;
            ended = served => ended,
            () = closed.wait() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer, error = error.as_str(), "a connection failed");
        }
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin, head: Duration) -> Result<(), String> {
        let service = TowerToHyperService::new(self.service.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head)
            .max_buf_size(BUFFER)
            // Closing the writing half is closing: nothing is run for somebody who may be gone.
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.app.work().stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        ended.map_err(|error| error.to_string())
    }
}

/// Number of connections by remote address.
#[derive(Debug)]
struct Peers {
    most: u64,
    counts: Mutex<HashMap<IpAddr, u64>>,
}

/// A counted connection of an address. Dropping it ends the count.
#[derive(Debug)]
struct Peer {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    fn new(most: u64) -> Self {
        Self { most, counts: Mutex::default() }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Peer> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Peer { peers: Arc::clone(self), address })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut counts = self.peers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
