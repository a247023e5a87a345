//! The server: created from a library and a configuration, checked before it listens, and stopped without dropping a
//! call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use ringfence::LimitOverrides;
use ringfence_store::{Library, Pattern, Store, StoreError};
use tokio::net::TcpListener;

use crate::app::App;
use crate::authority::Authority;
use crate::config::{Config, ConfigError};
use crate::grants::Granting;
use crate::http;
use crate::librarian::LOOK;
use crate::listen::{Certificate, Connections};
use crate::mcp::eager::Eager;
use crate::mcp::stdio;
use crate::principal::{Principal, Tokens};
use crate::tls;

/// The reason why a server did not start, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other machines can reach the address, and there is no token.
    #[error(
        "other machines can reach {0}, but the store has no token; create one with `ringfence token create`, or listen on \
         127.0.0.1"
    )]
    Open(SocketAddr),
    /// Any web page could call the server by DNS rebinding: every name is allowed, and there is no token.
    #[error(
        "`listen.hosts` accepts every name and the store has no token, so any web page could call; create a token with \
         `ringfence token create`, or list the names"
    )]
    AnyHost,
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The system's limit is lower than the configured value.
    #[error("invalid `{key}`: {asked}; this process can have {most}; {next}")]
    Limit {
        /// The key.
        key: &'static str,
        /// Configured value.
        asked: u64,
        /// Largest value that the system allows.
        most: u64,
        /// Advice to the operator.
        next: &'static str,
    },
    /// The transport failed.
    #[error("connection failed: {0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Maximum time that MCP on standard input and output waits for skills with cached code before it answers.
const STDIO_PATIENCE: Duration = Duration::from_secs(10);

/// Open files beside connections: those of the store, mapped code, the compiler's pipes and the runtime.
const OPEN_FILES: u64 = 256;

/// Raises this process's limit on open files up to `wanted` if the system allows it. Returns the limit, or `u64::MAX`
/// if it was high enough.
fn open_files(wanted: u64) -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let Some(current) = limits.current.filter(|current| *current < wanted) else { return u64::MAX };
    let raised = limits.maximum.map_or(wanted, |most| most.min(wanted));
    let mut new = limits;
    new.current = Some(raised);
    if setrlimit(Resource::Nofile, new).is_ok() { raised } else { current }
}

/// The source of a configuration: a file, and values that replace those of the file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Address to listen on, instead of the file's.
    pub address: Option<SocketAddr>,
    /// Directory of the store, instead of the file's.
    pub store: Option<PathBuf>,
}

impl Source {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// Fails with a [`ConfigError`], which has file, line and reason.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut config = Config::read(&self.file)?;
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
/// Create and use it inside a tokio runtime with time and I/O.
#[derive(Debug, Clone)]
pub struct Server {
    app: App,
    certificate: Option<Certificate>,
    source: Option<Arc<Source>>,
    /// Limits that replace those of every configuration that is read.
    limits: LimitOverrides,
    /// The embedder's routes.
    routes: Option<Router>,
}

impl Server {
    /// Creates a server for a library with a store. Skills load once [`Server::serve`], [`Server::mcp_stdio`] or
    /// [`Server::watch`] runs.
    ///
    /// # Errors
    ///
    /// Fails with a [`ServerError`] if the store or a configured file cannot be used.
    pub async fn new(library: Library, config: Config) -> Result<Self, ServerError> {
        let certificate = config.tls.as_ref().map(tls::read).transpose()?;
        let certificate = certificate.map(|config| Arc::new(ArcSwap::new(config)));
        let of_task = library.clone();
        let tokens = crate::librarian::blocking(move || match of_task.store() {
            Some(store) => store.tokens(),
            None => Err(StoreError::WithoutStore { reason: "a server needs a store".to_owned() }),
        })
        .await?;
        let tokens = Tokens::new(tokens, None, &config.quota)?;
        let granting = Granting::open(&config, library.store().map(Store::path))?;
        let app = App::new(library, config, tokens, granting);
        Ok(Self { app, certificate, source: None, limits: LimitOverrides::default(), routes: None })
    }

    /// Sets the source of the configuration, which [`Server::reload`] reads again.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Sets limits that replace those of each configuration read later, as [`Config::set_limits`] does.
    #[must_use]
    pub fn with_limits(mut self, limits: LimitOverrides) -> Self {
        self.limits = limits;
        self
    }

    /// Adds the embedder's routes. They come before the guard: the server checks neither token nor `Host` for them.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Listens on the configured address.
    ///
    /// # Errors
    ///
    /// - [`ServerError::Open`]: other machines can reach the address, and there is no token.
    /// - [`ServerError::AnyHost`]: `listen.hosts` allows every name, and there is no token.
    /// - [`ServerError::Limit`]: the limit on open files is too low for the configured connections.
    /// - [`ServerError::Listen`]: the system refused the address.
    pub async fn bind(&self) -> Result<TcpListener, ServerError> {
        let address = self.app.operator().config.load().listen.address;
        self.check_closed(address)?;
        let connections = self.app.operator().config.load().listen.connections.get();
        // Each connection has two: itself, and the handle by which its end is seen.
        let wanted = connections.saturating_mul(2).saturating_add(OPEN_FILES);
        let most = open_files(wanted);
        if wanted > most {
            let most = most.saturating_sub(OPEN_FILES).div_euclid(2);
            let next = "raise the limit on open files (`ulimit -n`), or lower the setting";
            return Err(ServerError::Limit { key: "listen.connections", asked: connections, most, next });
        }
        TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
    }

    /// Refuses an address or a list of names that would let other machines or rebinding web pages in without a token.
    fn check_closed(&self, address: SocketAddr) -> Result<(), ServerError> {
        if !self.is_open() {
            return Ok(());
        }
        if !address.ip().is_loopback() {
            return Err(ServerError::Open(address));
        }
        if self.app.operator().config.load().listen.hosts.iter().any(Authority::is_any) {
            return Err(ServerError::AnyHost);
        }
        Ok(())
    }

    /// Returns whether there is no token. Then any user of this machine has full access.
    pub fn is_open(&self) -> bool {
        self.app.operator().tokens.load().are_none()
    }

    /// Returns whether the server uses TLS.
    pub fn uses_tls(&self) -> bool {
        self.certificate.is_some()
    }

    /// Returns all routes, for an embedder with a service of its own.
    ///
    /// Without tokens the routes let every caller in, so listen on loopback only. The embedder provides connections,
    /// timeouts and TLS, and runs [`Server::watch`].
    pub fn router(&self) -> Router {
        let guarded = http::Guarded::new(&self.app);
        match &self.routes {
            Some(routes) => routes.clone().fallback_service(guarded),
            None => guarded.into_router(),
        }
    }

    /// Keeps skills and tokens up to date with the store. Never returns.
    pub async fn watch(&self) {
        let tokens = async {
            loop {
                self.app.reload_tokens().await;
                tokio::time::sleep(LOOK).await;
            }
        };
        self.app.first_look().await;
        tokio::join!(self.app.skills().librarian.watch(), tokens);
    }

    /// Serves until `shutdown` completes, and then waits for open requests, at most for `listen.shutdown-timeout`.
    ///
    /// Returns true if all requests ended by themselves.
    ///
    /// # Errors
    ///
    /// Fails with [`ServerError::Open`] or [`ServerError::AnyHost`] as [`Server::bind`] does, and with other errors if
    /// listening fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<bool, ServerError> {
        let address = listener.local_addr().map_err(|source| ServerError::Listen {
            address: self.app.operator().config.load().listen.address,
            source,
        })?;
        self.check_closed(address)?;
        let config = self.app.operator().config.load_full();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            address = %address,
            tls = self.uses_tls(),
            store = self.app.skills().library.store().map(|store| store.path().display().to_string()).unwrap_or_default(),
            runs = config.host.runs.get(),
            tokens = !self.is_open(),
            "serving"
        );
        if !address.ip().is_loopback() && !self.uses_tls() {
            tracing::warn!(
                "tokens and calls cross the network unencrypted; configure `[tls]`, or put a TLS proxy in front"
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
                self.app.work().gate.close();
                self.app.work().stopping.cancel();
                (&mut serving).await
            }
            ended = &mut serving => ended,
        };
        watching.abort();
        self.app.skills().librarian.stop().await;
        ended.map_err(|error| ServerError::Transport(error.into()))
    }

    /// Serves MCP on standard input and output for the user of this machine, until the input ends or `shutdown`
    /// completes.
    ///
    /// Nothing else may write to standard output.
    ///
    /// # Errors
    ///
    /// Fails with [`ServerError::Transport`] if standard input cannot be read.
    pub async fn mcp_stdio(&self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
        self.mcp_stdio_for(Vec::new(), shutdown).await
    }

    /// Serves MCP as [`Server::mcp_stdio`] does, to an agent that sees only skills whose names fit one of the patterns.
    ///
    /// Without patterns the agent sees all skills.
    ///
    /// # Errors
    ///
    /// Fails as [`Server::mcp_stdio`] does.
    pub async fn mcp_stdio_for(
        &self,
        skills: Vec<Pattern>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServerError> {
        let quota = self.app.operator().config.load().quota.clone();
        let principal = match skills.is_empty() {
            true => self.app.operator().tokens.load().trusted(&quota)?,
            false => Principal::limited("local".parse().map_err(StoreError::from)?, &quota, skills),
        };
        let watching = self.clone();
        // What was in the store is there for the first request, unless it takes long to compile.
        self.app.first_look().await;
        let _ = tokio::time::timeout(STDIO_PATIENCE, self.app.skills().librarian.ready()).await;
        let watching = tokio::spawn(async move { watching.app.skills().librarian.watch().await });
        let spoken = stdio::speak(&self.app, &principal, Eager::new(std::io::stdin()), std::io::stdout());
        let mut spoken = std::pin::pin!(spoken);
        let ended = tokio::select! {
            ended = spoken.as_mut() => ended,
            () = shutdown => {
                self.app.work().stopping.cancel();
                self.app.work().stop_runs.cancel();
                // Runs end at once and are told as cancelled, to whoever still reads.
                tokio::time::timeout(Duration::from_secs(1), spoken).await.unwrap_or(Ok(()))
            }
        };
        self.app.work().stopping.cancel();
        self.app.work().stop_runs.cancel();
        watching.abort();
        self.app.skills().librarian.stop().await;
        ended.map_err(|error| ServerError::Transport(error.into()))
    }

    /// Reads configuration, certificate, tokens and skills again. A failure is logged and returned.
    ///
    /// # Errors
    ///
    /// Fails with a [`ConfigError`] if configuration or certificate cannot be used; the server then keeps the earlier
    /// ones.
    pub async fn reload(&self) -> Result<(), ConfigError> {
        let _reloading = self.app.operator().reloading.lock().await;
        if let Some(source) = &self.source {
            let read = source.read().and_then(|mut config| config.set_limits(&self.limits).map(|()| config));
            let config = read.inspect_err(|error| {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "cannot use the new configuration; the old one stays in effect"
                );
            })?;
            if let (Some(certificate), Some(tls)) = (&self.certificate, &config.tls) {
                let read = tls::read(tls).inspect_err(|error| {
                    tracing::error!(
                        error = error.to_string().as_str(),
                        "cannot use the new certificate; the old one stays in effect"
                    );
                })?;
                certificate.store(read);
            }
            let store = self.app.skills().library.store().map(Store::path);
            self.app.operator().granting.reload(&config, store).inspect_err(|error| {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "cannot use the new grants; the old configuration stays in effect"
                );
            })?;
            self.app.reconfigure(config).await;
        }
        self.app.reload_tokens().await;
        self.app.skills().librarian.look().await;
        Ok(())
    }

    /// Polls the store now, and waits until each skill in it is loaded or failed to load.
    ///
    /// For tests and scripts that cannot wait for the next poll.
    pub async fn settle(&self) {
        self.app.reload_tokens().await;
        self.app.skills().librarian.look().await;
        self.app.skills().librarian.loaded().await;
    }
}
