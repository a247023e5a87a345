//! A server on loopback that answers with raw bytes, and a resolver that answers from a list.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use ringfence_egress::secret::Secret;
use ringfence_egress::{
    Caller, Door, DoorConfig, EgressError, Incoming, Lookup, Outgoing, Resolve, ResolveError, Secrets,
};
use ringfence_policy::{Policy, SkillDigest, Subject};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A server that records requests. Each connection has one.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    closed: watch::Receiver<usize>,
}

/// What a site sends, in pieces.
pub(crate) struct Answer {
    pub(crate) pieces: Vec<Vec<u8>>,
    /// Keep the connection open after the last piece, until the other side closes it.
    pub(crate) hang: bool,
}

impl From<Vec<u8>> for Answer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { pieces: vec![bytes], hang: false }
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

/// A response of status 200 with a length.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A redirect.
pub(crate) fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

impl Site {
    /// Serves on `127.0.0.1`. The function gets the head and the body of a request.
    pub(crate) async fn serve<A: Into<Answer> + 'static>(
        answer: impl Fn(&str) -> A + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (site, serve) = Self::on(listener.local_addr().unwrap(), answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Box::new(stream)));
            }
        });
        site
    }

    /// Returns the site, and what serves one connection.
    pub(crate) fn on<A: Into<Answer> + 'static>(
        address: SocketAddr,
        answer: impl Fn(&str) -> A + Send + Sync + 'static,
    ) -> (Self, impl Fn(Box<dyn Duplex>) -> Serving) {
        let (closing, closed) = watch::channel(0);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let site = Self { address, seen: Arc::clone(&seen), closed };
        let (answer, closing) = (Arc::new(answer), Arc::new(closing));
        let serve = move |stream: Box<dyn Duplex>| {
            let (answer, seen, closing) = (Arc::clone(&answer), Arc::clone(&seen), Arc::clone(&closing));
            Box::pin(async move {
                let mut stream = stream;
                if let Some(request) = read_request(&mut stream).await {
                    let answer: Answer = answer(&request).into();
                    seen.lock().unwrap().push(request);
                    for piece in answer.pieces {
                        if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    if answer.hang {
                        let mut rest = [0; 64];
                        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
                    }
                    let _ = stream.shutdown().await;
                }
                closing.send_modify(|count| *count = count.saturating_add(1));
            }) as Serving
        };
        (site, serve)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the requests so far, each as head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn closed(&mut self, count: usize) {
        self.closed.wait_for(|closed| *closed >= count).await.unwrap();
    }
}

/// What serves one connection.
type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map(|n| n.parse().unwrap());
            let whole = match length {
                Some(length) => body.len() >= length,
                None => !lower.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
            };
            if whole {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A resolver that gives the answers of a list in turn, and then the last one again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    pub(crate) fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers =
            answers.iter().map(|answer| answer.iter().map(|a| a.parse().unwrap()).collect()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers);
        self
    }

    /// Every name of these is on loopback.
    pub(crate) fn on_loopback(names: &[&str]) -> Self {
        names.iter().fold(Self::default(), |all, name| all.with(name, &[&["127.0.0.1"]]))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get_mut(name).and_then(|answers| {
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        });
        Box::pin(async move { answer.ok_or(ResolveError::NoAddress) })
    }
}

/// A door with a resolver and grants.
pub(crate) struct Gate {
    pub(crate) door: Door,
    pub(crate) caller: Caller,
}

pub(crate) fn subject() -> Subject {
    Subject {
        owner: Some("acme".to_owned()),
        name: Some("fetch".to_owned()),
        principal: Some("alice".to_owned()),
        ..Subject::of(SkillDigest([0; 32]))
    }
}

pub(crate) fn secrets(list: &[(&str, &str)]) -> Arc<dyn Secrets> {
    let named = |(name, value): &(&str, &str)| {
        ((*name).to_owned(), Arc::new(Secret::new(name, value.as_bytes().to_vec()).unwrap()))
    };
    Arc::new(list.iter().map(named).collect::<BTreeMap<_, _>>())
}

impl Gate {
    pub(crate) fn new(names: &Names, lines: &[&str]) -> Self {
        Self::with(DoorConfig::new(Arc::new(names.clone())), lines)
    }

    pub(crate) fn with(config: DoorConfig, lines: &[&str]) -> Self {
        let door = Door::new(config);
        let grants = Policy::of_lines(lines.iter().copied()).unwrap().for_subject(&subject());
        Self { caller: door.caller(grants), door }
    }

    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        self.door.send(&self.caller, outgoing).await
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Incoming, EgressError> {
        self.send(Outgoing::new("GET", url)).await
    }

    /// Gets a URL and collects the body as text.
    pub(crate) async fn text(&self, url: &str) -> Result<String, EgressError> {
        let body = self.get(url).await?.body.collect(16 << 20).await?;
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }
}

/// A site, and a gate that grants `GET` and `POST` to it as `allowed.example`.
pub(crate) async fn allowed<A: Into<Answer> + 'static>(
    options: &str,
    answer: impl Fn(&str) -> A + Send + Sync + 'static,
) -> (Site, Gate, String) {
    let site = Site::serve(answer).await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = Gate::new(
        &Names::on_loopback(&["allowed.example"]),
        &[&format!("http GET,POST,HEAD {base}/ private=127.0.0.0/8 {options}")],
    );
    (site, gate, base)
}
