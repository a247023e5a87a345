//! Turns the HTTP layer's own refusals into problems like all others.
//!
//! That layer refuses broken requests before the server sees them, and writes a status without a body.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::problem::{PROBLEM_JSON, Problem};
use crate::request::RequestError;

/// Maximum bytes of such a refusal; a longer write is a response of this server.
const LONGEST: usize = 256;

/// A connection that adds a problem to a bare refusal of the HTTP layer.
#[derive(Debug)]
pub struct Worded<S> {
    stream: S,
    /// Maximum bytes of a request's head.
    head: usize,
    /// The problem that replaces a write, and how many of its bytes are written.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Worded<S> {
    /// Wraps a stream. `head` is the maximum size of a request's head in bytes, for the message about larger ones.
    pub fn new(stream: S, head: usize) -> Self {
        Self { stream, head, instead: None }
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    /// Writes the problem; ready when all of it is written.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((text, done)) = &mut self.instead {
            let left = text.get(*done..).unwrap_or_default();
            if left.is_empty() {
                self.instead = None;
                break;
            }
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, left))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *done = done.saturating_add(count);
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns the problem for a bare refusal; none for any other bytes.
fn problem(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    if bytes.len() > LONGEST {
        return None;
    }
    let head = str::from_utf8(bytes).ok()?.strip_prefix("HTTP/1.1 ")?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.get(..3)?;
    let bare = |line: &str| line.eq_ignore_ascii_case("content-length: 0");
    if !lines.clone().any(bare) {
        return None;
    }
    let error = match status {
        "400" => RequestError::BadRequest(
            "the request is not HTTP/1.1; check its first line and its headers".to_owned(),
        ),
        "414" => RequestError::UriTooLong,
        "431" => RequestError::HeadersTooLarge(most),
        _ => return None,
    };
    let problem = Problem::of(&error);
    let body = serde_json::to_string(&problem).ok()?;
    let date = lines.find(|line| line.to_ascii_lowercase().starts_with("date: "));
    let date = date.map(|date| format!("{date}\r\n")).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {PROBLEM_JSON}\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\ncontent-length: {}\r\n{date}\r\n{body}",
        problem.title(),
        body.len()
    );
    Some(text.into_bytes())
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(context))?;
        if let Some(text) = problem(bytes, self.head) {
            self.instead = Some((text, 0));
            // Taken whole: the rest goes out before anything else does, and before a flush ends.
            if let Poll::Ready(Err(error)) = self.drain(context) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut some = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (some.next(), some.next())
            && only.len() <= LONGEST
        {
            return self.poll_write(context, only);
        }
        ready!(self.drain(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_refusals_are_worded() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                    date: Mon, 30 Nov 2026 08:00:00 GMT\r\n\r\n";
        let worded = String::from_utf8(problem(bare.as_bytes(), 64 << 10).expect("it is one")).expect("text");
        let (head, body) = worded.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains("\r\ndate: Mon, 30 Nov"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "headers-too-large");
        assert!(body["detail"].as_str().is_some_and(|text| text.contains("64 KiB")), "{body}");
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore",
            "{\"status\":400}",
            "",
        ] {
            assert_eq!(problem(other.as_bytes(), 64 << 10), None, "{other}");
        }
    }
}
