//! A server in a process of its own: this program again, over a store that the parent filled.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command, Stdio};

use axum::routing::post;
use axum::{Json, Router};
use ringfence::{Host, HostConfig};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{Config, Server};
use ringfence_store::{Library, NewToken, Store, Submit};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::args::Child;

/// Quotas that no bench exhausts. Everything else is as by default.
pub(crate) const UNCOUNTED: &str = r#"
[quota]
calls-per-minute = 100_000_000
fuel-per-minute = 1_000_000_000_000_000_000
"#;

/// The same, and limits of a run that only its deadline ends.
pub(crate) const OPEN: &str = r#"
[quota]
calls-per-minute = 100_000_000
fuel-per-minute = 1_000_000_000_000_000_000
[limits]
fuel = 1_000_000_000_000
host-calls = 1_000_000_000_000
"#;

/// A folder with configuration and store.
pub(crate) struct Ground {
    pub(crate) tokens: HashMap<String, String>,
    dir: TempDir,
}

/// A server that runs. Dropped, it ends.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: HashMap<String, String>,
    child: process::Child,
    _dir: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ground {
    /// A store with these skills and a token for each owner.
    pub(crate) fn new(config: &str, owners: &[&str], skills: &[(String, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let tokens = runtime().block_on(fill(dir.path(), config, owners, skills));
        Self { tokens, dir }
    }

    /// The server in this process, which listens nowhere.
    pub(crate) async fn server(&self) -> Server {
        let server = open(self.dir.path()).await;
        server.settle().await;
        server
    }

    /// This program again as a server over HTTP.
    pub(crate) fn serve(self) -> Site {
        let mut child = this_program(&Child::Serve { dir: self.dir.path().into() });
        let mut child =
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("an address");
        let address = line.trim().parse().unwrap_or_else(|error| panic!("{error}: `{line}`"));
        Site { address, tokens: self.tokens, child, _dir: self.dir }
    }

    /// This program again as `ringfence mcp`.
    pub(crate) fn stdio(&self) -> process::Child {
        let mut child = this_program(&Child::Stdio { dir: self.dir.path().into() });
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program starts")
    }
}

impl Site {
    /// A server with these skills and a token for each owner.
    pub(crate) fn start(config: &str, owners: &[&str], skills: &[(String, Vec<u8>)]) -> Self {
        Ground::new(config, owners, skills).serve()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// MiB in memory, from this line of `/proc/PID/status`.
    pub(crate) fn resident(&self, line: Resident) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server lives");
        let key = match line {
            Resident::Now => "VmRSS:",
            Resident::Most => "VmHWM:",
        };
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
        value.and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1024.0
    }
}

/// Memory of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resident {
    Now,
    Most,
}

/// This program as that child.
pub(crate) fn this_program(child: &Child) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(child.arguments());
    command
}

/// As the program `ringfence` has it.
pub(crate) fn runtime() -> Runtime {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .event_interval(1)
        .global_queue_interval(1)
        .build()
        .expect("a runtime")
}

/// A library over the store in this folder, which is made where it is missing.
pub(crate) fn library(store: &Path, config: HostConfig) -> Library {
    let host = Host::new(config).expect("a host");
    let store = Store::open_or_make(store).expect("a store");
    let compiler = Compiler::this_program(CompileLimits::default()).expect("a compiler");
    Library::new(host, compiler, store)
}

/// Submits a skill, whose owner is `bench`.
pub(crate) async fn submit(library: &Library, name: &str, component: Vec<u8>) {
    let submit = Submit::new(name.parse().expect("a name"), "bench".parse().expect("an owner"));
    let taken = library.submit(component, submit, |_| {}).await;
    taken.unwrap_or_else(|error| panic!("{name}: {error}"));
}

async fn fill(
    dir: &Path,
    config: &str,
    owners: &[&str],
    skills: &[(String, Vec<u8>)],
) -> HashMap<String, String> {
    std::fs::write(dir.join("config.toml"), format!("{config}\n[listen]\naddress = \"127.0.0.1:0\"\n"))
        .expect("the configuration");
    let library = library(&dir.join("store"), read(dir).host_config());
    let store = library.store().expect("a store");
    let mut tokens = HashMap::new();
    for owner in owners {
        let mut new = NewToken::new(owner.parse().expect("an owner"));
        new.skills = vec![ringfence_store::Pattern::All];
        tokens.insert((*owner).to_owned(), store.make_token(new).expect("a token").text);
    }
    for (name, component) in skills {
        submit(&library, name, component.clone()).await;
    }
    tokens
}

fn read(dir: &Path) -> Config {
    let file = dir.join("config.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    Config::parse(&text, &file).expect("a configuration")
}

/// The server of a filled folder, with a bare echo at `/echo`.
async fn open(dir: &Path) -> Server {
    let config = read(dir);
    let library = library(&dir.join("store"), config.host_config());
    let server = Server::new(library, config).await.expect("a server");
    server.with_routes(Router::new().route("/echo", post(async |body: Json<Value>| body)))
}

/// The child: serves until its input ends.
pub(crate) fn serve(dir: &Path) {
    let runtime = runtime();
    runtime.spawn(async {
        // The parent is gone.
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
        process::exit(0);
    });
    runtime.block_on(async {
        let server = open(dir).await;
        let listener = server.bind().await.expect("a free port");
        server.settle().await;
        println!("{}", listener.local_addr().expect("an address"));
        server.serve(listener, std::future::pending()).await.expect("it serves");
    });
}

/// The child: speaks MCP on its standard input and output until its input ends.
pub(crate) fn stdio(dir: &Path) {
    runtime().block_on(async {
        let server = open(dir).await;
        server.mcp_stdio(std::future::pending()).await.expect("it serves");
    });
}
