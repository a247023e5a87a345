//! A server: made of a library and a configuration, checked before it listens, stopped without dropping a call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use ringfence_store::{Library, Pattern, StoreError};
use tokio::net::TcpListener;

use crate::app::{App, read_config};
use crate::authority::Authority;
use crate::config::{Config, ConfigError, LimitOverrides};
use crate::http;
use crate::librarian::LOOK;
use crate::listen::{Certificate, Connections};
use crate::mcp::stdio;
use crate::principal::{Principal, Tokens};
use crate::tls;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It would let everybody in.
    #[error(
        "{0} can be reached from other machines, and there is no token: make one with `ringfence token create`, or \
         listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// Any web page could call it, by rebinding its name.
    #[error(
        "`listen.hosts` takes every name, and there is no token, so any web page could call: make a token with \
         `ringfence token create`, or list the names"
    )]
    AnyHost,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system does not give what the configuration asks for.
    #[error("`{key}` is {asked}, and this process may have {most}: {next}")]
    Limit {
        /// The key.
        key: &'static str,
        /// What it says.
        asked: u64,
        /// What there is.
        most: u64,
        /// What helps.
        next: &'static str,
    },
    /// The system gives no threads.
    #[error("no threads for long runs: {0}")]
    Threads(std::io::Error),
    /// The transport failed.
    #[error("the connection failed: {0}")]
    Transport(String),
}

/// How long MCP on standard input and output waits, before it answers, for skills whose code is at hand.
const STDIO_PATIENCE: Duration = Duration::from_secs(10);

/// Open files beside connections: the store's, mapped code, the compiler's pipes, the runtime's own.
const OPEN_FILES: u64 = 256;

/// Raises this process's limit on open files, as far as it may; gives what it is then.
fn open_files(wanted: u64) -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let Some(current) = limits.current.filter(|current| *current < wanted) else { return u64::MAX };
    let raised = limits.maximum.map_or(wanted, |most| most.min(wanted));
    let mut new = limits;
    new.current = Some(raised);
    if setrlimit(Resource::Nofile, new).is_ok() { raised } else { current }
}

/// Where a configuration comes from: a file, and what was said instead of it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Listens there, whatever the file says.
    pub address: Option<SocketAddr>,
    /// Uses that store, whatever the file says.
    pub store: Option<PathBuf>,
}

impl Source {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with file, line and reason.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut config = read_config(&self.file)?;
        if let Some(address) = self.address {
            config.listen.address = address;
        }
        if self.store.is_some() {
            config.store.clone_from(&self.store);
        }
        Ok(config)
    }
}

/// Serves a library's store over HTTP and MCP.
///
/// Must be made and used inside a tokio runtime with time and I/O.
#[derive(Debug, Clone)]
pub struct Server {
    app: App,
    certificate: Option<Certificate>,
    source: Option<Arc<Source>>,
    /// Stand over those of every configuration that is read.
    limits: LimitOverrides,
    /// Of the embedder's own.
    routes: Option<Router>,
}

impl Server {
    /// A server for a library that has a store. Skills are loaded once [`Server::serve`] or [`Server::mcp_stdio`]
    /// runs, or [`Server::watch`] does.
    ///
    /// # Errors
    ///
    /// [`ServerError`]: files that the configuration names, or the store, cannot be used.
    pub async fn new(library: Library, config: Config) -> Result<Self, ServerError> {
        let certificate = config.tls.as_ref().map(tls::read).transpose()?;
        let certificate = certificate.map(|config| Arc::new(ArcSwap::new(config)));
        let of_task = library.clone();
        let tokens = crate::librarian::blocking(move || match of_task.store() {
            Some(store) => store.tokens(),
            None => Err(StoreError::WithoutStore { reason: "a server needs one".to_owned() }),
        })
        .await?;
        let tokens = Tokens::new(tokens, None, &config.quota)?;
        let app = App::new(library, config, tokens).map_err(ServerError::Threads)?;
        Ok(Self { app, certificate, source: None, limits: LimitOverrides::default(), routes: None })
    }

    /// Where the configuration came from, to be read again by [`Server::reload`].
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Limits that were put over the configuration ([`Config::set_limits`]), to be put over each that is read later.
    #[must_use]
    pub fn with_limits(mut self, limits: LimitOverrides) -> Self {
        self.limits = limits;
        self
    }

    /// Serves routes of the embedder's own beside its own. They stand before the guard: neither token nor `Host` is
    /// checked for them.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Listens where the configuration says.
    ///
    /// # Errors
    ///
    /// [`ServerError::Open`] for an address that other machines reach while there is no token;
    /// [`ServerError::Listen`].
    pub async fn bind(&self) -> Result<TcpListener, ServerError> {
        let address = self.app.config.load().listen.address;
        self.check_closed(address)?;
        let connections = self.app.config.load().listen.connections.get();
        // Each connection has two: itself, and the handle by which its end is seen.
        let wanted = connections.saturating_mul(2).saturating_add(OPEN_FILES);
        let most = open_files(wanted);
        if wanted > most {
            let most = most.saturating_sub(OPEN_FILES).div_euclid(2);
            let next = "raise its limit on open files (`ulimit -n`), or lower the key";
            return Err(ServerError::Limit { key: "listen.connections", asked: connections, most, next });
        }
        TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
    }

    /// Refuses what would let strangers in: another machine's, or a web page that rebinds its name to this one.
    fn check_closed(&self, address: SocketAddr) -> Result<(), ServerError> {
        if !self.is_open() {
            return Ok(());
        }
        if !address.ip().is_loopback() {
            return Err(ServerError::Open(address));
        }
        if self.app.config.load().listen.hosts.iter().any(Authority::is_any) {
            return Err(ServerError::AnyHost);
        }
        Ok(())
    }

    /// Whether there is no token, so that everybody on this machine may do everything.
    pub fn is_open(&self) -> bool {
        self.app.tokens.load().are_none()
    }

    /// Whether it speaks TLS.
    pub fn uses_tls(&self) -> bool {
        self.certificate.is_some()
    }

    /// Everything that it answers, for a service of one's own. Without tokens it lets everybody in: listen on
    /// loopback only. Connections, timeouts and TLS are the service's then, and so is running [`Server::watch`].
    pub fn router(&self) -> Router {
        let guarded = http::Guarded::new(&self.app);
        match &self.routes {
            Some(routes) => routes.clone().fallback_service(guarded),
            None => guarded.into_router(),
        }
    }

    /// Keeps skills and tokens as the store has them. Never ends.
    pub async fn watch(&self) {
        let tokens = async {
            loop {
                self.app.reload_tokens().await;
                tokio::time::sleep(LOOK).await;
            }
        };
        self.app.first_look().await;
        tokio::join!(self.app.librarian.watch(), tokens);
    }

    /// Serves until `shutdown` is done, then lets what is under way end, for as long as is configured. True when
    /// everything ended by itself.
    ///
    /// # Errors
    ///
    /// [`ServerError::Open`] as [`Server::bind`].
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<bool, ServerError> {
        let address = listener.local_addr().map_err(|source| ServerError::Listen {
            address: self.app.config.load().listen.address,
            source,
        })?;
        self.check_closed(address)?;
        let config = self.app.config.load_full();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            address = %address,
            tls = self.uses_tls(),
            store = self.app.library.store().map(|store| store.path().display().to_string()).unwrap_or_default(),
            runs = config.host.runs.get(),
            tokens = !self.is_open(),
            "serving"
        );
        if !address.ip().is_loopback() && !self.uses_tls() {
            tracing::warn!(
                "tokens and calls go over the network in the clear: give it a certificate, or put one before it"
            );
        }
        let (app, certificate) = (self.app.clone(), self.certificate.clone());
        let mut serving = match &self.routes {
            Some(_) => tokio::spawn(Connections { app, service: self.router(), certificate }.serve(listener)),
            None => {
                let service = http::Guarded::new(&app);
                tokio::spawn(Connections { app, service, certificate }.serve(listener))
            }
        };
        let watching = self.clone();
        let watching = tokio::spawn(async move { watching.watch().await });
        let ended = tokio::select! {
            () = shutdown => {
                self.app.gate.close();
                self.app.stopping.cancel();
                (&mut serving).await
            }
            ended = &mut serving => ended,
        };
        watching.abort();
        self.app.librarian.stop().await;
        ended.map_err(|error| ServerError::Transport(error.to_string()))
    }

    /// Speaks MCP on standard input and output, for the user of this machine, until the input ends or `shutdown` is
    /// done. Nothing else may write to standard output.
    ///
    /// # Errors
    ///
    /// [`ServerError::Transport`] when standard input cannot be read.
    pub async fn mcp_stdio(&self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
        self.mcp_stdio_for(Vec::new(), shutdown).await
    }

    /// The same as [`Server::mcp_stdio`] for an agent that sees only skills whose names fit one of the patterns;
    /// without any it sees all.
    ///
    /// # Errors
    ///
    /// [`ServerError::Transport`] when standard input cannot be read.
    pub async fn mcp_stdio_for(
        &self,
        skills: Vec<Pattern>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServerError> {
        let quota = self.app.config.load().quota.clone();
        let principal = match skills.is_empty() {
            true => self.app.tokens.load().trusted(&quota)?,
            false => Principal::limited("local".parse()?, &quota, skills),
        };
        let watching = self.clone();
        // What was in the store is there for the first request, unless it takes long to compile.
        self.app.first_look().await;
        let _ = tokio::time::timeout(STDIO_PATIENCE, self.app.librarian.ready()).await;
        let watching = tokio::spawn(async move { watching.app.librarian.watch().await });
        let spoken = stdio::speak(&self.app, &principal, std::io::stdin(), std::io::stdout());
        let mut spoken = std::pin::pin!(spoken);
        let ended = tokio::select! {
            ended = spoken.as_mut() => ended,
            () = shutdown => {
                self.app.stopping.cancel();
                self.app.stop_runs.cancel();
                // Runs end at once and are told as cancelled, to whoever still reads.
                tokio::time::timeout(Duration::from_secs(1), spoken).await.unwrap_or(Ok(()))
            }
        };
        self.app.stopping.cancel();
        self.app.stop_runs.cancel();
        watching.abort();
        self.app.librarian.stop().await;
        ended.map_err(|error| ServerError::Transport(error.to_string()))
    }

    /// Reads configuration, certificate, tokens and skills again. What cannot be read stays as it was, and the error
    /// is logged and given.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]; the server goes on as it was.
    pub async fn reload(&self) -> Result<(), ConfigError> {
        if let Some(source) = &self.source {
            let read = source.read().and_then(|mut config| config.set_limits(&self.limits).map(|()| config));
            let config = read.inspect_err(|error| {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "the configuration cannot be used; the server goes on as it was"
                );
            })?;
            if let (Some(certificate), Some(tls)) = (&self.certificate, &config.tls) {
                let read = tls::read(tls).inspect_err(|error| {
                    tracing::error!(
                        error = error.to_string().as_str(),
                        "the certificate cannot be used; the server goes on as it was"
                    );
                })?;
                certificate.store(read);
            }
            self.app.reconfigure(config);
        }
        self.app.reload_tokens().await;
        self.app.librarian.look().await;
        Ok(())
    }

    /// Looks at the store now, and waits until what it has is loaded or cannot be; for tests and scripts that do not
    /// want to wait for the next look.
    pub async fn settle(&self) {
        self.app.reload_tokens().await;
        self.app.librarian.look().await;
        self.app.librarian.loaded().await;
    }
}
