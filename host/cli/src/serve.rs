//! `ringfence serve` and `ringfence mcp`. Both check everything before they listen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use ringfence::{Host, LimitOverrides};
use ringfence_server::{Config, EXAMPLE, Server, ServerError, Source};
use ringfence_store::{Library, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::args::{LogFormat, McpArgs, ServeArgs, ServerArgs};
use crate::output::{self, Refused, note};
use crate::{exit, load};

/// The log target of this program itself.
const OURS: [&str; 2] = ["ringfence", "ringfence_server"];

/// Serves until a signal stops it.
pub(crate) async fn serve(args: ServeArgs) -> ExitCode {
    finish(listen(args).await)
}

/// Speaks MCP until the input ends or a signal stops it.
pub(crate) async fn mcp(args: McpArgs) -> ExitCode {
    finish(speak(args).await)
}

fn finish(done: Result<ExitCode, Refused>) -> ExitCode {
    done.unwrap_or_else(|refused| refused.say(false))
}

async fn listen(args: ServeArgs) -> Result<ExitCode, Refused> {
    let ServeArgs { server: args, listen } = args;
    if args.print_config {
        output::print(EXAMPLE.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let server = prepare(&args, listen, LimitOverrides::default()).await?;
    // Before it listens: a signal that comes as soon as it does must find somebody.
    let (stop, hangup) = (stop_signal()?, signal(SignalKind::hangup()).map_err(no_signals)?);
    let listener = server.bind().await.map_err(refused)?;
    let address = listener
        .local_addr()
        .map_err(|error| Refused::fault(format!("cannot read the listening address: {error}")))?;
    let scheme = if server.uses_tls() { "https" } else { "http" };
    output::print(&format!("{scheme}://{address}"));
    if server.is_open() {
        note(
            "note: the store has no token, so any local user has full access; create one with `ringfence token create`",
        );
    }
    reload_on(hangup, server.clone());
    let clean = server.serve(listener, stop).await.map_err(refused)?;
    if clean {
        Ok(ExitCode::SUCCESS)
    } else {
        note(
            "note: the shutdown timeout cancelled running calls; raise `listen.shutdown-timeout` to let them finish",
        );
        Ok(ExitCode::SUCCESS)
    }
}

async fn speak(args: McpArgs) -> Result<ExitCode, Refused> {
    let McpArgs { server: mut args, skills, limits } = args;
    // Clients seldom read the standard error of what they start: a record of each call fills the pipe, and the call waits.
    args.log_level.get_or_insert(tracing::Level::WARN);
    if args.print_config {
        output::print(EXAMPLE.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let server = prepare(&args, None, limits.given()).await?;
    let (stop, hangup) = (stop_signal()?, signal(SignalKind::hangup()).map_err(no_signals)?);
    reload_on(hangup, server.clone());
    server.mcp_stdio_for(skills, stop).await.map_err(refused)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds a server that is ready to listen.
async fn prepare(
    args: &ServerArgs,
    listen: Option<SocketAddr>,
    limits: LimitOverrides,
) -> Result<Server, Refused> {
    let source = args.config.clone().map(|file| Source { file, address: listen, store: args.store.given() });
    let wrong = |error| refused(ServerError::Config(error));
    let mut config = match &source {
        Some(source) => source.read().map_err(wrong)?,
        None => {
            let mut config = Config::parse("", "".as_ref()).map_err(wrong)?;
            config.listen.address = listen.unwrap_or(config.listen.address);
            config.store = args.store.given();
            config
        }
    };
    config.set_limits(&limits).map_err(wrong)?;
    log(args);
    let directory = match &config.store {
        Some(store) => store.clone(),
        None => load::directory(&args.store)?,
    };
    let library = library(&config, directory)?;
    let server = Server::new(library, config).await.map_err(refused)?.with_limits(limits);
    Ok(match source {
        Some(source) => server.with_source(source),
        None => server,
    })
}

fn library(config: &Config, directory: PathBuf) -> Result<Library, Refused> {
    let host = Host::new(config.host_config())
        .map_err(|error| Refused { code: "bad-config", ..Refused::fault(error.to_string()) })?;
    // One that is not there is a slip of the pen, and would have no token.
    let store = Store::open(directory)?;
    Ok(Library::new(host, load::compiler()?, store))
}

/// Completes when SIGTERM or Control-C arrives.
fn stop_signal() -> Result<impl Future<Output = ()> + Send, Refused> {
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

fn reload_on(mut hangup: tokio::signal::unix::Signal, server: Server) {
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // What went wrong is in the log.
            let _ = server.reload().await;
        }
    });
}

fn no_signals(error: std::io::Error) -> Refused {
    Refused::fault(format!("cannot register signal handlers: {error}"))
}

/// Logs to standard error. Text from guests and callers is only ever the escaped value of a field.
fn log(args: &ServerArgs) {
    let level = args.log_level.unwrap_or(tracing::Level::INFO);
    let quiet = level.min(tracing::Level::WARN);
    // Libraries beneath tell of every request at the level at which this program tells of what an operator looks for.
    let level = match level {
        tracing::Level::TRACE => Targets::new().with_default(level),
        level => {
            let ours = Targets::new().with_default(quiet).with_targets(OURS.map(|target| (target, level)));
            // What callers do wrong, such as to go away, is told there as errors: it would be theirs to fill the log with.
            if level < tracing::Level::DEBUG { ours.with_target("rmcp", LevelFilter::OFF) } else { ours }
        }
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = match args.log {
        LogFormat::Text => lines.with_filter(level).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(level).boxed(),
    };
    // Set once in this process.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

fn refused(error: ServerError) -> Refused {
    match error {
        ServerError::Store(error) => Refused::from(error),
        ServerError::Config(_) | ServerError::Limit { .. } => {
            Refused { exit: exit::USAGE, code: "bad-config", ..Refused::fault(error.to_string()) }
        }
        ServerError::Open(_) | ServerError::AnyHost => {
            Refused { exit: exit::USAGE, code: "no-token", ..Refused::fault(error.to_string()) }
        }
        ServerError::Listen { .. } => Refused { code: "cannot-listen", ..Refused::fault(error.to_string()) },
        _ => Refused::fault(error.to_string()),
    }
}
