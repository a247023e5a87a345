//! Serves one worker over HTTP/1.1: calls, lists, health, metrics. Paths, reports and problems are those of the server.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/skills/{skill}/tools/{tool}`, with the arguments as a JSON object | 200 and the report of the run, however it ended |
//! | `GET /v1/skills` | the bundle and its skills |
//! | `GET /v1/skills/{skill}` | limits and tools of a skill, with JSON Schemas |
//! | `GET /healthz`, `GET /readyz` | whether the process answers; whether a bundle is active |
//! | `GET /metrics` | counts, as OpenMetrics |
//!
//! A request that is refused before a run gets an `application/problem+json` with a stable code. `Ringfence-Limits`
//! lowers the limits of one call. Without tokens the server answers only requests whose `Host` is this machine, and
//! none from a web page.

mod api;
mod metrics;
mod tokens;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringfence::CancellationToken;
use ringfence_front::connection::{Closed, Connection, refuse};
use ringfence_front::request::RequestError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

pub use tokens::{Tokens, TokensError};

use crate::Worker;
use metrics::Metrics;

/// Maximum bytes of a request's head.
const BUFFER: usize = 16 << 10;

/// Pause after an error of accepting, such as too many open files.
const RECOVER: Duration = Duration::from_millis(50);

/// Configures a server.
///
/// Defaults: 127.0.0.1:7421, 64 connections, 10 s for a head and for a body, 30 s for writing, 32 MiB for all bodies,
/// 30 s to finish running calls.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Address to listen on. Default: 127.0.0.1:7421.
    pub listen: SocketAddr,
    /// Maximum number of concurrent connections; one more gets a problem and is closed. Default: 64.
    pub connections: usize,
    /// Timeout for the head of a request, and between two requests. Default: 10 s.
    pub head: Duration,
    /// Body timeout of a request. Default: 10 s.
    pub body: Duration,
    /// Write timeout: time in which the client must read 64 KiB. Default: 30 s.
    pub write: Duration,
    /// Maximum bytes of all bodies that are read or run, together. Default: 32 MiB.
    pub bodies: usize,
    /// Time to finish running calls when the server stops. Default: 30 s.
    pub drain: Duration,
    /// Receives the text of each internal error, which callers do not see. Default: drops it.
    pub log: fn(&str),
}

ringfence_setters::setters!(ServeConfig {
    with_listen(listen: SocketAddr);
    with_connections(connections: usize);
    with_head(head: Duration);
    with_body(body: Duration);
    with_write(write: Duration);
    with_bodies(bodies: usize);
    with_drain(drain: Duration);
    with_log(log: fn(&str));
});

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7421)),
            connections: 64,
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            write: Duration::from_secs(30),
            bodies: 32 << 20,
            drain: Duration::from_secs(30),
            log: |_| {},
        }
    }
}

/// State that all connections share.
pub struct Server {
    pub(crate) worker: Worker,
    pub(crate) config: ServeConfig,
    pub(crate) tokens: ArcSwap<Tokens>,
    pub(crate) metrics: Metrics,
    /// Whether the server listens on loopback only.
    pub(crate) local: AtomicBool,
    /// Permits of 1 KiB.
    pub(crate) bodies: Arc<Semaphore>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Server {
    /// Creates a server for a worker.
    ///
    /// Without tokens any user of this machine can call it on a loopback address. On another address it then refuses
    /// all callers.
    pub fn new(worker: Worker, tokens: Tokens, config: ServeConfig) -> Arc<Self> {
        let bodies = Arc::new(Semaphore::new((config.bodies >> 10).clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            worker,
            tokens: ArcSwap::from_pointee(tokens),
            metrics: Metrics::default(),
            local: AtomicBool::new(true),
            bodies,
            config,
        })
    }

    /// Replaces the tokens.
    pub fn set_tokens(&self, tokens: Tokens) {
        self.tokens.store(Arc::new(tokens));
    }

    /// Counts an update attempt.
    pub fn count_update(&self, took: bool) {
        self.metrics.updated(took);
    }

    /// Serves until `stop` is cancelled, and then until running calls have ended, at most for
    /// [`ServeConfig::drain`]. Returns true if everything ended by itself.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> bool {
        let local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        self.local.store(local, Ordering::Relaxed);
        let places = Arc::new(Semaphore::new(self.config.connections.clamp(1, Semaphore::MAX_PERMITS)));
        // Every connection holds one receiver: when the last is dropped all have ended.
        let (ended, alive) = watch::channel(());
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(RECOVER).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                self.metrics.refused(RequestError::TooManyConnections.code());
                tokio::spawn(refuse(stream));
                continue;
            };
            let (this, stop, alive) = (Arc::clone(&self), stop.clone(), alive.clone());
            tokio::spawn(async move {
                let _held = (place, alive);
                this.connection(stream, stop).await;
            });
        }
        drop((listener, alive));
        if tokio::time::timeout(self.config.drain, ended.closed()).await.is_ok() {
            return true;
        }
        // Runs end at once and are told as cancelled.
        self.worker.cancel_runs();
        let _ = tokio::time::timeout(Duration::from_secs(1), ended.closed()).await;
        false
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, stop: CancellationToken) {
        // Answers are written whole: waiting for more to send with them only delays them.
        let _ = stream.set_nodelay(true);
        // A run must not go on for somebody who is gone.
        let Ok(closed) = stream.as_fd().try_clone_to_owned().and_then(Closed::new) else { return };
        let write = self.config.write;
        let head = self.config.head;
        let service = service_fn(move |request| {
            let this = Arc::clone(&self);
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head)
            .max_buf_size(BUFFER)
            .half_close(false)
            .serve_connection(TokioIo::new(Connection::new(stream, write, BUFFER)), service);
        let mut connection = std::pin::pin!(connection);
        let served = async {
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        };
        tokio::select! {
            biased;
            () = served => {}
            () = closed.wait() => {}
        }
    }
}
