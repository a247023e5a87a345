//! A client on a thread of its own: one connection, a request at a time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Between two requests of a good client.
const PAUSE: Duration = Duration::from_millis(1);

/// Longer than any run of a bench takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, made anew after it broke.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and waits for its answer; `None` where the connection broke.
    pub(crate) fn ask(&mut self, request: &str) -> Option<Answer> {
        let answer = self.send(request).and_then(|()| self.answer());
        if answer.is_none() {
            self.stream = None;
        }
        answer
    }

    /// Sends a request and does not wait for its answer.
    pub(crate) fn send(&mut self, request: &str) -> Option<()> {
        self.connected()?.write_all(request.as_bytes()).ok()
    }

    fn connected(&mut self) -> Option<&mut TcpStream> {
        Some(match &mut self.stream {
            Some(stream) => stream,
            stream @ None => {
                let new = TcpStream::connect(self.address).ok()?;
                new.set_nodelay(true).ok()?;
                new.set_read_timeout(Some(PATIENCE)).ok()?;
                stream.insert(new)
            }
        })
    }

    /// Waits for the answer to a request that was sent.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let stream = self.connected()?;
        let (mut answer, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            answer.extend_from_slice(&buffer[..count]);
            let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
            if answer.len() >= end + 4 + length {
                let status = head.split(' ').nth(1)?.parse().ok()?;
                let body = String::from_utf8_lossy(&answer[end + 4..end + 4 + length]).into_owned();
                return Some(Answer { status, body });
            }
        }
    }
}

/// A call of a tool, with these `Ringfence-Limits` where there are any.
pub(crate) fn call(token: &str, skill: &str, tool: &str, body: &str, limits: &str) -> String {
    let limits = (!limits.is_empty()).then(|| format!("ringfence-limits: {limits}"));
    let headers: Vec<&str> = limits.as_deref().into_iter().collect();
    post(token, &format!("/v1/skills/{skill}/tools/{tool}"), &headers, body)
}

/// A POST of JSON. A header is `name: value`.
pub(crate) fn post(token: &str, path: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// `GET /healthz`
pub(crate) fn health() -> String {
    "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned()
}

/// The milliseconds of each request, one after the other during `turn`; `good` recognises a good answer.
pub(crate) fn sample(
    address: SocketAddr,
    request: &str,
    turn: Duration,
    good: impl Fn(&Answer) -> bool,
) -> Vec<f64> {
    let (mut client, mut took) = (Client::new(address), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < turn {
        std::thread::sleep(PAUSE);
        let asked = Instant::now();
        let answer = client.ask(request);
        let millis = asked.elapsed().as_secs_f64() * 1e3;
        // A failed request counts as later than any other.
        took.push(if answer.as_ref().is_some_and(&good) { millis } else { 1e6 });
    }
    took
}

/// Clients that send the same request again and again until they are stopped.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Value>>>,
}

impl Flood {
    /// Starts so many connections. Every answer that is a report is kept.
    pub(crate) fn start(address: SocketAddr, request: &str, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..connections)
            .map(|_| {
                let (stop, request) = (Arc::clone(&stop), request.to_owned());
                let run = move || {
                    let (mut client, mut reports) = (Client::new(address), Vec::new());
                    while !stop.load(Ordering::Relaxed) {
                        match client.ask(&request) {
                            Some(Answer { status: 200, body }) => reports.extend(serde_json::from_str(&body)),
                            // Refused: wait a little before the next one.
                            _ => std::thread::sleep(Duration::from_millis(5)),
                        }
                    }
                    reports
                };
                std::thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread")
            })
            .collect();
        Self { stop, threads }
    }

    /// Stops each after its last answer, and returns the reports.
    pub(crate) fn end(self) -> Vec<Value> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    }
}
