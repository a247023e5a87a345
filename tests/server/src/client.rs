//! A client that writes a request as it is told and reads the answer as it comes.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PATIENCE;

/// Where to, and as whom.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub fn put(path: &str) -> Self {
        Self::new("PUT", path)
    }

    pub fn delete(path: &str) -> Self {
        Self::new("DELETE", path)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.as_bytes())
    }

    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Its bytes. What it says of itself stands in place of what it would be given.
    pub fn bytes(&self, token: Option<&str>) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(known, _)| known == name);
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !has("host") {
            text.push_str("host: localhost\r\n");
        }
        if let Some(token) = token.filter(|_| !has("authorization")) {
            text.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        if !has("content-length") && !has("transfer-encoding") {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The code of a problem, which must be well-formed.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        let code = body["code"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        assert_eq!(body["type"], format!("urn:ringfence:problem:{code}"));
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        code
    }
}

impl Client {
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self { address, token }
    }

    pub async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream
    }

    /// Sends a request on a connection of its own; the answer.
    pub async fn send(&self, request: Request) -> Answer {
        let mut stream = self.connect().await;
        self.send_on(&mut stream, &request).await
    }

    /// Sends a request on a connection that stays.
    pub async fn send_on(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        request: &Request,
    ) -> Answer {
        // Refused before all of it was sent, it is answered all the same.
        let _ = stream.write_all(&request.bytes(self.token.as_deref())).await;
        read(stream).await.expect("an answer")
    }

    /// Sends a request; the connection, whose answer was not read.
    pub async fn begin(&self, request: &Request) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(&request.bytes(self.token.as_deref())).await.expect("sent");
        stream
    }
}

/// Reads an answer whole; none where the connection was closed before one came.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Answer> {
    let mut reader = Reader { stream, buffer: Vec::new() };
    let (status, headers) = reader.head().await?;
    let header =
        |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let body = if status == 204 || status == 304 {
        Vec::new()
    } else if let Some(length) = header("content-length") {
        reader.exactly(length.parse().expect("a length")).await?
    } else {
        let mut body = Vec::new();
        while let Some(chunk) = reader.chunk().await {
            body.extend_from_slice(&chunk);
        }
        body
    };
    Some(Answer { status, headers, body })
}

/// An answer that is read piece by piece.
pub struct Reader<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
}

impl<'a, S: AsyncRead + Unpin> Reader<'a, S> {
    pub fn new(stream: &'a mut S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Status and headers.
    pub async fn head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        Some((status, headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()))
    }

    /// The next chunk of a chunked body; none at its end, or where the connection ends.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            self.more().await?;
        };
        let size = usize::from_str_radix(&String::from_utf8_lossy(&self.buffer[..end]), 16).ok()?;
        self.buffer.drain(..end + 2);
        let mut chunk = self.exactly(size + 2).await?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Some(self.buffer.drain(..count).collect())
    }

    async fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 << 10];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("in time");
        match read {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Some(())
            }
        }
    }
}

/// The events of a stream, each its name and its data.
pub fn events(text: &str) -> Vec<(String, Value)> {
    let event = |block: &str| {
        let name = block.lines().find_map(|line| line.strip_prefix("event: ")).unwrap_or("message");
        let data = block.lines().find_map(|line| line.strip_prefix("data: "))?;
        Some((name.to_owned(), serde_json::from_str(data).unwrap_or(Value::Null)))
    };
    text.split("\n\n").filter_map(event).collect()
}
