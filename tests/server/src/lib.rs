//! Support for the tests of the server: a site is a server on a port of its own, with a store of its own; a client
//! writes requests byte by byte, so that a test can write wrong ones too.

pub mod client;
pub mod guests;
pub mod log;
pub mod mcp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringfence::{Allocator, Host};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{Config, Server, ServerError};
use ringfence_store::{Library, NewToken, Scope, Store, Submit};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::{Answer, Client, Request};

/// Longer than anything that is waited for takes, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server under test. Dropped, it is gone.
pub struct Site {
    pub dir: TempDir,
    pub address: SocketAddr,
    pub library: Library,
    pub server: Server,
    /// The token that [`Site::client`] sends; none where there are no tokens.
    pub token: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<Result<bool, ServerError>>>,
}

/// What a site is to be.
#[derive(Debug)]
pub struct Plan {
    child: PathBuf,
    config: String,
    runs: Option<u32>,
    tokens: bool,
    skills: Vec<(&'static str, Vec<u8>)>,
    meddle: Option<fn(&Path)>,
}

impl Plan {
    /// A site with an empty store and everything at its default; `child` is the compile child.
    pub fn new(child: &str) -> Self {
        Self {
            child: child.into(),
            config: String::new(),
            runs: None,
            tokens: false,
            skills: Vec::new(),
            meddle: None,
        }
    }

    /// Adds to the configuration, as TOML.
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// So many runs at once.
    pub fn runs(mut self, runs: u32) -> Self {
        self.runs = Some(runs);
        self
    }

    /// With a token of all scopes, which the client sends.
    pub fn tokens(mut self) -> Self {
        self.tokens = true;
        self
    }

    /// With a skill from text.
    pub fn skill(mut self, name: &'static str, wat: &str) -> Self {
        self.skills.push((name, guests::component(wat)));
        self
    }

    /// With a skill from bytes.
    pub fn bytes(mut self, name: &'static str, bytes: Vec<u8>) -> Self {
        self.skills.push((name, bytes));
        self
    }

    /// Does something to the store's directory before the server sees it.
    pub fn meddle(mut self, meddle: fn(&Path)) -> Self {
        self.meddle = Some(meddle);
        self
    }

    /// The configuration of the site, and the library that it serves.
    pub async fn library(&self, dir: &TempDir) -> (Config, Library) {
        // Sections come after keys, so the address is written into the section if the test has one.
        let listen = "[listen]\naddress = \"127.0.0.1:0\"\n";
        let mut source = if self.config.contains("[listen]") {
            self.config.replace("[listen]\n", listen)
        } else {
            format!("{}{listen}", self.config)
        };
        if let Some(runs) = self.runs {
            source.push_str(&format!("[host]\nruns = {runs}\n"));
        }
        let config = Config::parse(&source, "test.toml".as_ref()).expect("a configuration");
        let mut host = config.host_config();
        host.allocator = Allocator::OnDemand;
        let host = Host::new(host).expect("a host");
        let store = Store::open_or_make(dir.path().join("store")).expect("a store");
        let compiler = Compiler::program(self.child.clone(), CompileLimits::default());
        let library = Library::new(host, compiler, store);
        for (name, bytes) in &self.skills {
            let submit = Submit::new(name.parse().expect("a name"), "alice".parse().expect("an owner"));
            library.submit(bytes.clone(), submit, |_| {}).await.expect("it is taken");
        }
        if let Some(meddle) = self.meddle {
            meddle(&dir.path().join("store"));
        }
        (config, library)
    }

    /// Starts it, with all its skills ready.
    pub async fn start(self) -> Site {
        let dir = tempfile::tempdir().expect("a directory");
        let (config, library) = self.library(&dir).await;
        let token = self.tokens.then(|| {
            let mut new = NewToken::new("alice".parse().expect("an owner"));
            new.scopes = [Scope::Call, Scope::Submit, Scope::Admin].into();
            library.store().expect("a store").make_token(new).expect("a token").text
        });
        let server = Server::new(library.clone(), config).await.expect("a server");
        let listener = server.bind().await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        server.settle().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.clone().serve(listener, async move {
            let _ = stopped.await;
        }));
        Site { dir, address, library, server, token, stop: Some(stop), serving: Some(serving) }
    }
}

impl Site {
    /// A client that sends the site's token.
    pub fn client(&self) -> Client {
        Client::new(self.address, self.token.clone())
    }

    /// A client that sends another token, or none.
    pub fn client_with(&self, token: Option<&str>) -> Client {
        Client::new(self.address, token.map(str::to_owned))
    }

    /// A token with these scopes that sees these skills.
    pub fn token(&self, owner: &str, scopes: &[Scope], skills: &[&str]) -> String {
        let mut new = NewToken::new(owner.parse().expect("an owner"));
        new.scopes = scopes.iter().copied().collect();
        new.skills = skills.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        self.store().make_token(new).expect("a token").text
    }

    pub fn store(&self) -> &Store {
        self.library.store().expect("it has one")
    }

    /// Calls a tool; the report, which must be one.
    #[track_caller]
    pub fn call<'a>(&self, skill: &str, tool: &str, input: &'a str) -> impl Future<Output = Value> + 'a {
        let client = self.client();
        let path = format!("/v1/skills/{skill}/tools/{tool}");
        async move {
            let answer = client.send(Request::post(&path).json(input)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()
        }
    }

    /// Tells it to stop, without waiting.
    pub fn tell_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops it; true when all ended by itself.
    pub async fn stop(&mut self) -> bool {
        self.tell_to_stop();
        let serving = self.serving.take().expect("stopped once");
        let ended = tokio::time::timeout(PATIENCE, serving).await.expect("it stops in time");
        ended.expect("it does not panic").expect("it served")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}
