//! A server in a process of its own: this program again, over a store that the parent filled.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use ringfence::Host;
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{Config, Server};
use ringfence_store::{Library, NewToken, Store, Submit};
use tempfile::TempDir;

/// The configuration, less what a part wants otherwise. Nothing here protects: no quota, no limit but the deadline.
pub(crate) const OPEN: &str = r#"
[quota]
calls-per-minute = 100_000_000
fuel-per-minute = 1_000_000_000_000_000_000
[limits]
fuel = 1_000_000_000_000
host-calls = 1_000_000_000_000
"#;

/// A server that runs. Dropped, it ends.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: HashMap<String, String>,
    child: Child,
    _dir: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    /// A server with these skills and a token for each owner.
    pub(crate) fn start(config: &str, owners: &[&str], skills: &[(String, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let tokens = runtime.block_on(fill(dir.path(), config, owners, skills));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--serve")
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("an address");
        let address = line.trim().parse().unwrap_or_else(|error| panic!("{error}: `{line}`"));
        Self { address, tokens, child, _dir: dir }
    }
}

async fn fill(
    dir: &Path,
    config: &str,
    owners: &[&str],
    skills: &[(String, Vec<u8>)],
) -> HashMap<String, String> {
    std::fs::write(dir.join("config.toml"), format!("{config}\n[listen]\naddress = \"127.0.0.1:0\"\n"))
        .expect("the configuration");
    let library = library(dir, &read(dir));
    let store = library.store().expect("a store");
    let mut tokens = HashMap::new();
    for owner in owners {
        let new = NewToken::new(owner.parse().expect("an owner"));
        tokens.insert((*owner).to_owned(), store.make_token(new).expect("a token").1);
    }
    for (name, component) in skills {
        let submit = Submit::new(name.parse().expect("a name"), "bench".parse().expect("an owner"));
        let taken = library.submit(component.clone(), submit, |_| {}).await;
        taken.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    tokens
}

fn read(dir: &Path) -> Config {
    let file = dir.join("config.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    Config::parse(&text, &file).expect("a configuration")
}

fn library(dir: &Path, config: &Config) -> Library {
    let host = Host::new(config.host_config()).expect("a host");
    let store = Store::open_or_make(dir.join("store")).expect("a store");
    let compiler = Compiler::this_program(CompileLimits::default()).expect("a compiler");
    Library::new(host, compiler, Ok(store))
}

/// The child: serves until its input ends.
pub(crate) fn serve(dir: &str) -> ExitCode {
    let dir = Path::new(dir);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .event_interval(1)
        .global_queue_interval(1)
        .build()
        .expect("a runtime");
    runtime.spawn(async {
        // The parent is gone.
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
        std::process::exit(0);
    });
    runtime.block_on(async {
        let config = read(dir);
        let library = library(dir, &config);
        let server = Server::new(library, config).await.expect("a server");
        let listener = server.bind().await.expect("a free port");
        server.settle().await;
        println!("{}", listener.local_addr().expect("an address"));
        server.serve(listener, std::future::pending()).await.expect("it serves");
    });
    ExitCode::SUCCESS
}
