//! `ringfence-edge serve`: runs the worker, its server, and the polling for new bundles, until a signal stops it.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ringfence::{CancellationToken, text};
use ringfence_edge::serve::{Server, Tokens};
use ringfence_edge::source::{Source, SourceError, Updater};
use ringfence_edge::{Change, Worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::args::ServeArgs;
use crate::{Refused, USAGE, note, print, trust, worker};

pub(crate) fn exec(args: ServeArgs) -> ExitCode {
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.clamp(1, 1024))
        .enable_all()
        .event_interval(1)
        .global_queue_interval(1)
        .build();
    let served = runtime.map_err(Refused::fault).and_then(|runtime| runtime.block_on(serve(args)));
    match served {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            note("the shutdown cancelled running calls, because they took longer than --drain");
            ExitCode::SUCCESS
        }
        Err(refused) => refused.say(),
    }
}

async fn serve(args: ServeArgs) -> Result<bool, Refused> {
    let usage = |message: String| Refused { exit: USAGE, code: "bad-configuration", message };
    let tokens = tokens(args.token.as_deref())?;
    if tokens.is_open() && !args.serve.listen.ip().is_loopback() {
        let message =
            format!("{} is not a loopback address; protect it with --token FILE", args.serve.listen);
        return Err(usage(message));
    }
    let source = Source::parse(&args.bundle, args.ca.as_deref()).map_err(|error| usage(error.to_string()))?;
    let worker = worker(&args.common, trust(&args.common)?, true)?;
    if args.common.state.is_none() {
        note("warning: without --state FILE, the worker accepts an older bundle after a restart");
    }
    let is_url = !matches!(source, Source::Path(_));
    if args.cache.is_some() && !is_url {
        return Err(usage("--cache needs a bundle from an https URL, but the bundle is a file".to_owned()));
    }
    // Before anything can wait: whoever says stop is heard.
    let mut signals = Signals::new()?;
    let mut updater = Updater::new(worker.clone(), source.clone(), args.cache.clone());
    match source {
        // Whoever names a file that is no good is told, and not left with a worker that serves nothing.
        Source::Path(_) => match updater.look().await {
            Ok(_) => said(&worker),
            Err(SourceError::Refused(error)) => return Err(error.into()),
            Err(error) => return Err(Refused::fault(error)),
        },
        #[cfg(feature = "https")]
        Source::Url(_) => match updater.from_cache().await {
            Ok(Some(_)) => said(&worker),
            Ok(None) => {}
            Err(error) => note(&format!("cannot use the cached bundle: {error}")),
        },
    }
    let listener = TcpListener::bind(args.serve.listen)
        .await
        .map_err(|error| Refused::fault(format!("cannot listen on {}: {error}", args.serve.listen)))?;
    let address = listener.local_addr().map_err(Refused::fault)?;
    let mut config = args.serve.clone();
    config.log = |error| note(&format!("internal error: {error}"));
    let server = Server::new(worker.clone(), tokens, config);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&server).serve(listener, stop.clone()));
    print(&format!("http://{address}\n"));
    // A task of its own: a server that answers slowly keeps no signal waiting.
    let wake = Arc::new(Notify::new());
    let looks =
        tokio::spawn(looks(updater, Arc::clone(&server), worker.clone(), Arc::clone(&wake), args.update));
    if is_url {
        wake.notify_one();
    }
    loop {
        tokio::select! {
            _ = signals.term.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => {
                reread(&args, &worker, &server);
                wake.notify_one();
            }
        }
    }
    looks.abort();
    stop.cancel();
    serving.await.map_err(Refused::fault)
}

/// Polls for new bundles, regularly and on demand.
async fn looks(
    mut updater: Updater,
    server: Arc<Server>,
    worker: Worker,
    wake: Arc<Notify>,
    update: Duration,
) {
    let mut last = String::new();
    loop {
        tokio::select! {
            () = wake.notified() => {}
            () = pause(update) => {}
        }
        // What goes on failing is told once, and again when it fails otherwise.
        match look(&mut updater, &worker, &server).await {
            Ok(()) => last.clear(),
            Err(error) if error == last => {}
            Err(error) => {
                note(&format!("update failed; the current bundle stays: {error}"));
                last = error;
            }
        }
    }
}

/// Waits until the next poll; forever if polling is off.
async fn pause(time: Duration) {
    if time.is_zero() {
        std::future::pending().await
    } else {
        tokio::time::sleep(time).await;
    }
}

async fn look(updater: &mut Updater, worker: &Worker, server: &Server) -> Result<(), String> {
    match updater.look().await {
        Ok(Change::Unchanged) => Ok(()),
        Ok(Change::Swapped) => {
            server.count_update(true);
            said(worker);
            Ok(())
        }
        Err(error) => {
            server.count_update(false);
            Err(error.to_string())
        }
    }
}

/// Describes the active bundle.
fn said(worker: &Worker) {
    match worker.serving() {
        Ok(serving) => {
            let manifest = serving.manifest();
            note(&format!(
                "serving bundle version {} with {} skills until {}, for {}",
                manifest.version,
                serving.skills().count(),
                manifest.expires(),
                serving.fingerprint(),
            ));
            for (name, digest) in serving.revoked() {
                note(&format!("skill `{}` is revoked and does not run: {digest}", text::clean(name, 80)));
            }
            if serving.is_interpreted() {
                note("the code is interpreted (Pulley), 10 to 50 times slower than native code");
            }
        }
        Err(error) => note(&format!("{error}")),
    }
}

/// Reads keys, revocations and tokens again. An unreadable file leaves its subject unchanged, and does not affect the
/// others.
fn reread(args: &ServeArgs, worker: &Worker, server: &Server) {
    match trust(&args.common) {
        Ok(trust) => {
            worker.trust(trust);
            note("reloaded keys and revocations");
            said(worker);
        }
        Err(refused) => note(&format!(
            "cannot reload keys and revocations, so they stay as they were: {} [{}]",
            refused.message, refused.code
        )),
    }
    match tokens(args.token.as_deref()) {
        Ok(tokens) => {
            server.set_tokens(tokens);
            note("reloaded tokens");
        }
        Err(refused) => note(&format!(
            "cannot reload tokens, so they stay as they were: {} [{}]",
            refused.message, refused.code
        )),
    }
}

fn tokens(path: Option<&Path>) -> Result<Tokens, Refused> {
    let Some(path) = path else { return Ok(Tokens::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Refused::fault(format!("cannot read {}: {error}", path.display())))?;
    Tokens::read(&text).map_err(|error| Refused {
        exit: USAGE,
        code: "bad-file",
        message: format!("{}: {error}", path.display()),
    })
}

struct Signals {
    term: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> Result<Self, Refused> {
        let on = |kind| signal(kind).map_err(Refused::fault);
        Ok(Self {
            term: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            reload: on(SignalKind::hangup())?,
        })
    }
}
